// Goal: replacing the worker loses no request, with a new connection for each request and with kept ones.
// Method: worker processes share one listening descriptor, as under the keeper; each is told to end while load runs.
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import http from "node:http";
import http2 from "node:http2";
import https from "node:https";
import type net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { missing } from "../../scripts/setup-debian.ts";
import { silentLog } from "../ports/log.ts";
import { createSystemClock } from "../ports/system-clock.ts";
import type { RoutingTable } from "../routing/table.ts";
import { openDataPlane } from "./data-plane.ts";
import { listeningDescriptor, makeCertificate, until } from "./loopback-world.ts";

const program = `
import { createSystemClock } from ${JSON.stringify(import.meta.resolve("../ports/system-clock.ts"))};
import { createSystemRandom } from ${JSON.stringify(import.meta.resolve("../ports/random.ts"))};
import { createJsonLog } from ${JSON.stringify(import.meta.resolve("../ports/log.ts"))};
import { runProxyWorker } from ${JSON.stringify(import.meta.resolve("./worker.ts"))};
const ending = new AbortController();
process.once("SIGTERM", () => ending.abort());
const [folder = "", workerName = ""] = process.argv.slice(1);
await runProxyWorker({
  clock: createSystemClock(), random: createSystemRandom(), log: createJsonLog(workerName), httpFd: 3, httpsFd: 4,
  linkSocketPath: folder + "/workers.sock", tableFile: folder + "/table.json", certificatesFolder: folder + "/certificates", visitorKey: new Uint8Array(32),
  workerName, pid: process.pid, signal: ending.signal,
});
`;

test("no request is lost while workers are replaced under load", { skip: missing("openssl") }, async (t) => {
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
  const secure = listeningDescriptor();
  makeCertificate(join(folder, "certificates"), "other", "other.test");
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
    const child = spawn(process.execPath, argv, { stdio: ["ignore", "inherit", "ignore", fd, secure.fd] });
    children.push(child);
    await until(() => plane.workers().some((view) => view.worker === name && view.isConnected && view.acknowledgedEpoch === 1));
    return child;
  };
  let worker = await startWorker("proxy-0");
  await until(async () => (await ask(port, false)) === "ok");
  const load = startLoad(port, secure.port);
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

/** Eight clients with a new connection for each request and four that keep theirs; by TLS three and three, and two of HTTP/2. */
function startLoad(port: number, tlsPort: number): { stop(): Promise<{ answered: number; failed: string[] }> } {
  let isStopped = false;
  let answered = 0;
  const failed: string[] = [];
  const loop = async (ask: () => Promise<string>) => {
    while (!isStopped) {
      const answer = await ask();
      if (answer === "ok") answered += 1;
      else failed.push(answer);
    }
  };
  const kept = Array.from({ length: 4 }, () => new http.Agent({ keepAlive: true, maxSockets: 1 }));
  const keptByTls = Array.from({ length: 3 }, () => new https.Agent({ keepAlive: true, maxSockets: 1 }));
  const byHttp2 = Array.from({ length: 2 }, () => new Http2Asker(tlsPort));
  const loops = [
    ...Array.from({ length: 8 }, () => loop(() => ask(port, false))),
    ...kept.map((agent) => loop(() => ask(port, agent))),
    ...Array.from({ length: 3 }, () => loop(() => ask(tlsPort, false, https.get))),
    ...keptByTls.map((agent) => loop(() => ask(tlsPort, agent, https.get))),
    ...byHttp2.map((asker) => loop(() => asker.ask())),
  ];
  return {
    stop: async () => {
      isStopped = true;
      await Promise.all(loops);
      for (const agent of [...kept, ...keptByTls]) agent.destroy();
      for (const asker of byHttp2) asker.close();
      for (const asker of byHttp2) assert.ok(asker.sessions > 1, "every connection of HTTP/2 was replaced");
      return { answered, failed };
    },
  };
}

/** A client of HTTP/2 that opens another connection when it is asked to go. */
class Http2Asker {
  readonly #port: number;
  #session: http2.ClientHttp2Session | null = null;
  sessions = 0;

  constructor(port: number) {
    this.#port = port;
  }

  ask(): Promise<string> {
    if (this.#session === null || this.#session.closed || this.#session.destroyed) {
      this.#session = http2.connect(`https://127.0.0.1:${this.#port}`, { rejectUnauthorized: false });
      this.#session.on("error", () => {});
      this.sessions += 1;
    }
    const stream = this.#session.request({ ":path": "/", ":authority": "shop.test" });
    return new Promise((resolve) => {
      let text = "";
      stream.on("data", (chunk: Buffer) => {
        text += chunk.toString();
      });
      stream.on("error", (error) => {
        if (stream.rstCode !== http2.constants.NGHTTP2_REFUSED_STREAM) resolve(error.message);
      });
      stream.on("close", () => {
        // It was on its way when the connection was told to end. Nobody has read it, so that it may be sent again (RFC 9113 8.7).
        if (stream.rstCode !== http2.constants.NGHTTP2_REFUSED_STREAM) resolve(text);
        else this.#again().then(resolve);
      });
    });
  }

  #again(): Promise<string> {
    this.#session?.close();
    return this.ask();
  }

  close(): void {
    this.#session?.destroy();
  }
}

function ask(port: number, agent: http.Agent | false, get: typeof http.get = http.get): Promise<string> {
  return new Promise((resolve) => {
    const options = { host: "127.0.0.1", port, headers: { host: "shop.test" }, agent, rejectUnauthorized: false };
    const request = get(options, (incoming) => {
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
  const rest = { exposure: null, watch: null, responseDeadlineMs: 60_000, expose: "previews" as const };
  return { epoch: 1, services: [{ service: "shop", environment: "production", routes, stable, ...rest }] };
}
