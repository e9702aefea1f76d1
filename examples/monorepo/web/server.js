const { createServer } = require("node:http");
const { greet } = require("./shared/greet.js");

const server = createServer((_request, response) => response.end(greet("web")));
server.listen(Number(process.env.PORT), process.env.HOST);
process.once("SIGTERM", () => server.close());
