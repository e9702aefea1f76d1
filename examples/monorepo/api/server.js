const { createServer } = require("node:http");
const { hello } = require("./hello.js");

const server = createServer((_request, response) => response.end(hello));
server.listen(Number(process.env.PORT), process.env.HOST);
process.once("SIGTERM", () => server.close());
