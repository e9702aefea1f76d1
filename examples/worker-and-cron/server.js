// Takes letters in and leaves each in the outbox.
const { mkdirSync, writeFileSync } = require("node:fs");
const { createServer } = require("node:http");
const { outbox } = require("./outbox.js");

mkdirSync(outbox, { recursive: true });
let letters = 0;

const server = createServer((request, response) => {
  if (request.method !== "POST" || request.url !== "/letters") return response.end("mailer\n");
  letters += 1;
  const name = `${process.pid}-${letters}`;
  writeFileSync(`${outbox}/${name}.waiting`, "");
  response.writeHead(202).end(`${name}\n`);
});
server.listen(Number(process.env.PORT), process.env.HOST);
process.once("SIGTERM", () => server.close());
