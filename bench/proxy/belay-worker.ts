/**
 * One proxy worker as a process of its own: `node belay-worker.ts FOLDER PORT TLS_PORT UPSTREAM_PORT stable|canary`. With `canary`
 * half of all visitors are on a canary with the shield before it, and every visitor is recorded and reported. The control plane's
 * side of the link runs in a thread of this process, so that its work is counted here too.
 */
import { mkdirSync } from "node:fs";
import net from "node:net";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { silentLog } from "../../src/ports/log.ts";
import { createSystemRandom } from "../../src/ports/random.ts";
import { createSystemClock } from "../../src/ports/system-clock.ts";
import { runProxyWorker } from "../../src/proxy/worker.ts";

const [folder = "", port = "", tlsPort = "", upstreamPort = "", mode = ""] = process.argv.slice(2);
const linkSocketPath = join(folder, "workers.sock");
mkdirSync(join(folder, "releases"));

const control = new Worker(new URL("./belay-control.ts", import.meta.url), {
  workerData: { linkSocketPath, upstreamPort, mode },
});
await new Promise((resolve) => control.once("message", resolve));
await runProxyWorker({
  clock: createSystemClock(),
  random: createSystemRandom(),
  log: silentLog,
  httpFd: boundDescriptor(Number(port)),
  httpsFd: boundDescriptor(Number(tlsPort)),
  linkSocketPath,
  tableFile: join(folder, "table.json"),
  releasesFolder: join(folder, "releases"),
  certificatesFolder: join(folder, "certificates"),
  visitorKey: new Uint8Array(32).fill(7),
  workerName: "proxy-1",
  pid: process.pid,
  signal: new AbortController().signal,
});

/** A bound socket that nobody listens on yet, as the keeper hands one down. */
function boundDescriptor(number: number): number {
  const create = (net as unknown as { _createServerHandle(...options: unknown[]): { readonly fd: number } })._createServerHandle;
  return create("127.0.0.1", number, 4, -1, 0).fd;
}
