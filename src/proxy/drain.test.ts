// Goal: replacing the worker loses no request, with a new connection for each request and with kept ones.
// Method: worker processes share one listening descriptor, as under the keeper; each is told to end while load runs.
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import http from "node:http";
import type net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { silentLog } from "../ports/log.ts";
import { createSystemClock } from "../ports/system-clock.ts";
import type { RoutingTable } from "../routing/table.ts";
import { openDataPlane } from "./data-plane.ts";
import { listeningDescriptor, until } from "./loopback-world.ts";

const program = `
import { createSystemClock } from ${JSON.stringify(import.meta.resolve("../ports/system-clock.ts"))};
import { createSystemRandom } from ${JSON.stringify(import.meta.resolve("../ports/random.ts"))};
import { createJsonLog } from ${JSON.stringify(import.meta.resolve("../ports/log.ts"))};
import { runProxyWorker } from ${JSON.stringify(import.meta.resolve("./worker.ts"))};
const ending = new AbortController();
process.once("SIGTERM", () => ending.abort());
const [folder = "", workerName = ""] = process.argv.slice(1);
await runProxyWorker({
  clock: createSystemClock(), random: createSystemRandom(), log: createJsonLog(workerName), httpFd: 3,
  linkSocketPath: folder + "/workers.sock", tableFile: folder + "/table.json", visitorKey: new Uint8Array(32),
  workerName, pid: process.pid, signal: ending.signal,
});
`;

test("no request is lost while workers are replaced under load", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "belay-drain-"));
  const app = http.createServer((_, response) => setTimeout(() => response.end("ok"), Math.random() < 0.02 ? 150 : 0));
  await once(app.listen(0, "127.0.0.1"), "listening");
  const table = tableTo((app.address() as net.AddressInfo).port);
  writeFileSync(join(folder, "table.json"), JSON.stringify(table));
  const plane = await openDataPlane({
    listener: { path: join(folder, "workers.sock") },
    clock: createSystemClock(),
    log: silentLog,
  });
  plane.publish(table);
  const { fd, port } = listeningDescriptor();
  const children: ChildProcess[] = [];
  t.after(() => {
    for (const child of children) child.kill("SIGKILL");
    plane.close();
    app.close();
    app.closeAllConnections();
    rmSync(folder, { recursive: true });
  });
  const startWorker = async (name: string): Promise<ChildProcess> => {
    const argv = ["--input-type=module-typescript", "-e", program, folder, name];
    const child = spawn(process.execPath, argv, { stdio: ["ignore", "inherit", "ignore", fd] });
    children.push(child);
    await until(() => plane.workers().some((view) => view.worker === name && view.isConnected && view.acknowledgedEpoch === 1));
    return child;
  };
  let worker = await startWorker("proxy-0");
  await until(async () => (await ask(port, false)) === "ok");
  const load = startLoad(port);
  for (let replacement = 1; replacement <= 3; replacement += 1) {
    const next = await startWorker(`proxy-${replacement}`);
    const ended = once(worker, "exit");
    worker.kill("SIGTERM");
    assert.deepEqual(await ended, [0, null]);
    worker = next;
  }
  const { answered, failed } = await load.stop();
  assert.deepEqual(failed, []);
  assert.ok(answered > 100, `${answered} answers`);
});

/** Eight clients with a new connection for each request, and four that keep theirs. */
function startLoad(port: number): { stop(): Promise<{ answered: number; failed: string[] }> } {
  let isStopped = false;
  let answered = 0;
  const failed: string[] = [];
  const loop = async (agent: http.Agent | false) => {
    while (!isStopped) {
      const answer = await ask(port, agent);
      if (answer === "ok") answered += 1;
      else failed.push(answer);
    }
  };
  const kept = Array.from({ length: 4 }, () => new http.Agent({ keepAlive: true, maxSockets: 1 }));
  const loops = [...Array.from({ length: 8 }, () => loop(false)), ...kept.map(loop)];
  return {
    stop: async () => {
      isStopped = true;
      await Promise.all(loops);
      for (const agent of kept) agent.destroy();
      return { answered, failed };
    },
  };
}

function ask(port: number, agent: http.Agent | false): Promise<string> {
  return new Promise((resolve) => {
    const request = http.get({ host: "127.0.0.1", port, headers: { host: "shop.test" }, agent }, (incoming) => {
      let text = "";
      incoming.on("data", (chunk: Buffer) => {
        text += chunk.toString();
      });
      incoming.on("end", () => resolve(text));
      incoming.on("error", (error) => resolve(error.message));
    });
    request.on("error", (error) => resolve(error.message));
  });
}

function tableTo(port: number): RoutingTable {
  const stable = { release: "old", targets: [{ instance: "a", host: "127.0.0.1", port }] };
  const routes = [{ host: "shop.test", path: "/" }];
  const rest = { exposure: null, watch: null, responseDeadlineMs: 5_000, expose: "previews" as const };
  return { epoch: 1, services: [{ service: "shop", environment: "production", routes, stable, ...rest }] };
}
