const { createServer } = require("node:http");

const server = createServer((_request, response) => response.end("Hello from a release\n"));
server.listen(Number(process.env.PORT), process.env.HOST);
process.once("SIGTERM", () => server.close());
