import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Writable } from "node:stream";
import { silentLog } from "../../src/ports/log.ts";
import { createSystemClock } from "../../src/ports/system-clock.ts";
import { ProxyDataPlane } from "../../src/proxy/data-plane.ts";
import { listeningDescriptor, makeCertificate, until } from "../../src/proxy/loopback-world.ts";
import type { RoutingTable } from "../../src/routing/table.ts";

/** Proxy workers as processes of their own on two sockets that this process holds, as the keeper does it, and their control plane. */
export class WorkerFleet {
  readonly #folder = mkdtempSync(join(tmpdir(), "belay-fleet-"));
  readonly #plain = listeningDescriptor();
  readonly #secure = listeningDescriptor();
  readonly #plane: ProxyDataPlane;
  readonly #running = new Map<string, ChildProcess>();
  readonly #ends: Promise<unknown>[] = [];
  /** Handshakes that each worker's process has judged. */
  readonly #handshakes = new Map<string, number>();
  /** Exits that nobody asked for. */
  readonly crashes: string[] = [];
  replaced = 0;

  constructor() {
    mkdirSync(join(this.#folder, "run"));
    makeCertificate(join(this.#folder, "certificates"), "shop", "secure.test");
    this.#plane = new ProxyDataPlane({
      listener: { path: join(this.#folder, "run", "workers.sock") },
      clock: createSystemClock(),
      log: silentLog,
    });
    this.#plane.onReport(({ boot, tallies = [] }) => {
      for (const { service, release, arm, answers } of tallies) {
        const count = answers.reduce((sum, answer) => sum + (answer.status === "1xx" ? answer.count : 0), 0);
        this.#handshakes.set(`${boot} ${service} ${release} ${arm}`, count);
      }
    });
  }

  get port(): number {
    return this.#plain.port;
  }

  get tlsPort(): number {
    return this.#secure.port;
  }

  get handshakes(): number {
    return [...this.#handshakes.values()].reduce((sum, count) => sum + count, 0);
  }

  /** Requests and tunnels that the workers say are on their way. */
  get inFlight(): number {
    const connected = this.#plane.workers().filter(({ isConnected }) => isConnected);
    return connected.flatMap(({ inFlight }) => Object.values(inFlight)).reduce((sum, count) => sum + count, 0);
  }

  async open(names: readonly string[], table: RoutingTable): Promise<void> {
    await this.#plane.listen();
    this.#plane.publish(table);
    for (const name of names) await this.#start(name);
  }

  async serve(table: RoutingTable): Promise<void> {
    this.#plane.publish(table);
    await until(() =>
      this.#plane.workers().every(({ isConnected, acknowledgedEpoch }) => !isConnected || acknowledgedEpoch === table.epoch),
    );
  }

  /** Another process in its place; the old one drains meanwhile. */
  async replace(name: string): Promise<void> {
    const old = this.#running.get(name);
    await this.#start(name);
    old?.kill("SIGTERM");
    this.replaced += 1;
  }

  /** Waits for those that drain. */
  async drained(): Promise<void> {
    await until(() => this.#plane.workers().filter(({ isConnected }) => isConnected).length === this.#running.size);
  }

  async close(): Promise<void> {
    for (const worker of this.#running.values()) worker.kill("SIGTERM");
    this.#running.clear();
    await Promise.all(this.#ends);
    this.#plane.close();
    rmSync(this.#folder, { recursive: true });
  }

  async #start(name: string): Promise<void> {
    const program = new URL("../../src/main.ts", import.meta.url).pathname;
    const env = { PATH: process.env["PATH"], BELAY_SOCKETS: "http=3,https=4", BELAY_KEYS: "visitor=5" };
    const worker = spawn(process.execPath, [program, "proxy", this.#folder, name], {
      env,
      stdio: ["ignore", "ignore", "pipe", this.#plain.fd, this.#secure.fd, "pipe"],
    });
    (worker.stdio as readonly unknown[] as readonly Writable[])[5]?.end(new Uint8Array(32).fill(7));
    this.#running.set(name, worker);
    let said = "";
    worker.stderr?.setEncoding("utf8").on("data", (text: string) => {
      said = (said + text).slice(-2_000);
    });
    const ended = once(worker, "exit").then(([code, signal]) => {
      if (code !== 0) this.crashes.push(`${name}: ${code ?? signal}\n${said}`);
    });
    this.#ends.push(ended);
    await until(() =>
      this.#plane
        .workers()
        .some(({ pid, isConnected, acknowledgedEpoch }) => pid === worker.pid && isConnected && acknowledgedEpoch > 0),
    );
  }
}
