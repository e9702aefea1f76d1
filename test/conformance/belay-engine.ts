import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { silentLog } from "../../src/ports/log.ts";
import { createSystemRandom } from "../../src/ports/random.ts";
import { createSystemClock } from "../../src/ports/system-clock.ts";
import { listeningDescriptor, makeCertificate, tableWith } from "../../src/proxy/loopback-world.ts";
import { runProxyWorker } from "../../src/proxy/worker.ts";
import type { Engine } from "./engine.ts";

/** A proxy worker in this very process, with its table from disk: a worker that crashes takes the suite with it. */
export const belay: Engine = {
  name: "Belay",
  async start(upstreamPort, { withTls = false } = {}) {
    const folder = mkdtempSync(join(tmpdir(), "belay-conformance-"));
    const table = tableWith(1, [{ instance: "upstream", host: "127.0.0.1", port: upstreamPort }]);
    writeFileSync(join(folder, "table.json"), JSON.stringify(table));
    const { fd, port } = listeningDescriptor();
    const secure = withTls ? listeningDescriptor() : null;
    if (withTls) makeCertificate(join(folder, "certificates"), "shop", "shop.test");
    const ending = new AbortController();
    const listening = Promise.withResolvers<void>();
    const running = runProxyWorker({
      clock: createSystemClock(),
      random: createSystemRandom(),
      log: { ...silentLog, info: (message) => (message === "serving" ? listening.resolve() : undefined) },
      httpFd: fd,
      httpsFd: secure?.fd ?? null,
      linkSocketPath: join(folder, "workers.sock"),
      tableFile: join(folder, "table.json"),
      releasesFolder: join(folder, "releases"),
      certificatesFolder: join(folder, "certificates"),
      visitorKey: new Uint8Array(32),
      workerName: "proxy-1",
      pid: process.pid,
      signal: ending.signal,
    });
    await Promise.race([listening.promise, running]);
    return {
      port,
      tlsPort: secure?.port ?? 0,
      stop: async () => {
        ending.abort();
        await running;
        rmSync(folder, { recursive: true });
      },
    };
  },
};
