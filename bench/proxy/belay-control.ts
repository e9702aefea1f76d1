/** The control plane's side of the link of `belay-worker.ts`: publishes one table, renews its lease and takes every report. */
import { parentPort, workerData } from "node:worker_threads";
import { silentLog } from "../../src/ports/log.ts";
import { createSystemClock } from "../../src/ports/system-clock.ts";
import { openDataPlane } from "../../src/proxy/data-plane.ts";
import { tableWith } from "../../src/proxy/loopback-world.ts";

const { linkSocketPath, upstreamPort, mode } = workerData as {
  readonly linkSocketPath: string;
  readonly upstreamPort: string;
  readonly mode: string;
};
const epoch = 1;
const leaseTtlMs = 10_000;
const target = (instance: string) => ({ instance, host: "127.0.0.1", port: Number(upstreamPort) });
const plane = await openDataPlane({ listener: { path: linkSocketPath }, clock: createSystemClock(), log: silentLog });
plane.onReport(({ worker, boot, sequence }) => plane.keep(worker, boot, sequence));
plane.publish(
  mode === "canary"
    ? tableWith(epoch, [target("old-1")], { canary: { release: "new", targets: [target("new-1")] }, leaseTtlMs })
    : tableWith(epoch, [target("old-1")]),
);
setInterval(() => plane.renewLease(epoch, leaseTtlMs), 1_000);
parentPort?.postMessage("ready");
