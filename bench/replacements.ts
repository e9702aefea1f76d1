/**
 * Workers replaced and weights changed under load, fifty and two hundred times by default: `npm run bench:replacements -- --replacements 50
 * --changes 200`. Prints what clients and workers have counted. Ends with 1 when any client noticed anything.
 */
import { parseArgs } from "node:util";
import { runReplacements } from "../test/e2e/replacements.ts";

const { values } = parseArgs({
  options: { replacements: { type: "string", default: "50" }, changes: { type: "string", default: "200" } },
});
const result = await runReplacements({ replacements: Number(values.replacements), weightChanges: Number(values.changes) });
const { answered, failed, crashes, tunnels, handshakes } = result;
console.log(`${result.replaced} workers replaced, ${result.tables} weight changes`);
console.log(
  `answered: ${answered.new} on new connections, ${answered.kept} on kept ones, ${answered.http2} over HTTP/2 (${result.sentAgain} sent again, refused unread)`,
);
console.log(
  `tunnels: ${tunnels.opened} opened, ${tunnels.left} left by their clients, ${tunnels.cut} ended by a worker's drain; workers count ${handshakes}`,
);
console.log(`failed: ${failed.length}; workers that crashed: ${crashes.length}`);
for (const problem of [...failed, ...crashes]) console.log(problem);
const isWhole =
  failed.length + crashes.length === 0 && tunnels.left + tunnels.cut === tunnels.opened && handshakes === tunnels.opened;
process.exitCode = isWhole ? 0 : 1;
