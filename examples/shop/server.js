import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { parseArgs } from "node:util";
import { createAssets } from "./assets.js";
import { openDatabase } from "./database.js";
import { createFaults } from "./faults.js";
import { createRoutes } from "./routes.js";

/** What the shop needs from the place it runs in. It refuses to start without, and says what is missing. */
function readContract() {
  const { values } = parseArgs({ options: { database: { type: "string" } } });
  const problems = [];
  const port = Number(process.env.PORT);
  if (!Number.isInteger(port) || port < 0 || port > 65_535) problems.push("PORT must be a port number");
  if (!process.env.HOST) problems.push("HOST must be the address to listen on");
  if (!values.database) problems.push("--database must name the database file, which all releases share");
  if (problems.length > 0) {
    console.error(`shop: cannot start: ${problems.join("; ")}`);
    process.exit(2);
  }
  return { port, host: process.env.HOST, database: values.database };
}

const contract = readContract();
const release = JSON.parse(readFileSync(new URL("release.json", import.meta.url), "utf8"));
const database = openDatabase(contract.database, release);
const assets = createAssets(release, database);
const handle = createRoutes({ release, database, assets, isFaulty: createFaults(release.faults) });

const server = createServer((request, response) => {
  handle(request, response).catch((error) => {
    console.error(`shop: ${request.method} ${request.url}: ${error.stack}`);
    if (response.headersSent) response.destroy();
    else response.writeHead(500, { "content-type": "text/plain" }).end("The shop made a mistake.\n");
  });
});

server.listen(contract.port, contract.host, () => {
  console.log(`shop: release ${release.name} listens on ${contract.host}:${server.address().port}`);
});

// Answers what it has accepted, then leaves. Idle connections are closed at once.
process.once("SIGTERM", () => server.close(() => database.close()));
