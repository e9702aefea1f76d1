/**
 * For tests: a proxy worker on a real socket of this machine, the control plane's side of its link, and small applications
 * behind it.
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import http from "node:http";
import net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import type { Clock } from "../ports/clock.ts";
import { silentLog } from "../ports/log.ts";
import { createSystemRandom } from "../ports/random.ts";
import { createSystemClock } from "../ports/system-clock.ts";
import { bucketOf } from "../routing/assignment.ts";
import type { Exposure, RoutingTable, ServiceRoute, Target } from "../routing/table.ts";
import { VisitorCookies } from "../routing/visitor-cookie.ts";
import type { AnyRecord, Counter } from "../routing/wire.ts";
import { ProxyDataPlane } from "./data-plane.ts";
import type { Limits } from "./limits.ts";
import { runProxyWorker } from "./worker.ts";

const visitorKey = new Uint8Array(32).fill(7);
const clock = createSystemClock();
const hourMs = 3_600_000;

export const shop: ServiceRoute = {
  service: "shop",
  environment: "production",
  routes: [{ host: "shop.test", path: "/" }],
  stable: { release: "old", targets: [] },
  exposure: null,
  watch: null,
  // Nothing of what is tested here takes so long; the machine may.
  responseDeadlineMs: 60_000,
  expose: "previews",
};

export function tableWith(
  epoch: number,
  stable: readonly Target[],
  exposure?: Partial<Exposure>,
  rest?: Partial<ServiceRoute>,
): RoutingTable {
  const filled = {
    rollout: "r",
    epoch: 1,
    canary: { release: "new", targets: [] },
    weight: 5000,
    salt: "salt",
    leaseTtlMs: 600_000,
  };
  const targets = stable.map(({ instance, host, port }) => ({ instance, host, port }));
  return {
    epoch,
    services: [
      {
        ...shop,
        stable: { release: "old", targets },
        exposure: exposure === undefined ? null : { ...filled, ...exposure },
        ...rest,
      },
    ],
  };
}

export interface Sent {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

export class LoopbackWorld {
  readonly port: number;
  readonly releasesFolder: string;
  readonly certificatesFolder: string;
  /** 0 without certificates. */
  tlsPort = 0;
  /** How often a worker has complained of a certificate. */
  refusedCertificates = 0;
  readonly #linkPath: string;
  readonly cookieOnCanary: string = cookieWhere((bucket) => bucket < 5000);
  readonly cookieOnStable: string = cookieWhere((bucket) => bucket >= 5000);
  plane: ProxyDataPlane;
  /** Ends the worker; resolves when it has drained. */
  end: () => Promise<void> = () => Promise.resolve();
  /** Puts a table on disk and asks the worker to serve it. */
  reloadFrom: (table: RoutingTable) => void = () => {};
  records: AnyRecord[] = [];
  #counters = new Map<string, Counter>();

  constructor(port: number, { linkPath, releasesFolder }: { readonly linkPath: string; readonly releasesFolder: string }) {
    this.releasesFolder = releasesFolder;
    this.certificatesFolder = join(releasesFolder, "..", "certificates");
    this.port = port;
    this.#linkPath = linkPath;
    this.plane = this.#createPlane();
  }

  /** Another control plane in its place, that knows nothing. */
  async restartControl(): Promise<void> {
    this.plane.close();
    this.records = [];
    this.#counters.clear();
    this.plane = this.#createPlane();
    await this.plane.listen();
  }

  #createPlane(): ProxyDataPlane {
    const plane = new ProxyDataPlane({ listener: { path: this.#linkPath }, clock, log: silentLog });
    plane.onReport(({ counters, records }) => {
      this.records.push(...records);
      for (const { count, ...key } of counters) this.#counters.set(JSON.stringify(key), { ...key, count });
    });
    return plane;
  }

  async serve(table: RoutingTable): Promise<void> {
    this.plane.publish(table);
    await until(() => this.plane.workers().some((worker) => worker.isConnected && worker.acknowledgedEpoch === table.epoch));
  }

  async certificateRefused(): Promise<void> {
    const before = this.refusedCertificates;
    await until(() => this.refusedCertificates > before);
  }

  count(wanted: Partial<Counter>): number {
    const fits = (counter: Counter) => Object.entries(wanted).every(([name, value]) => counter[name as keyof Counter] === value);
    return [...this.#counters.values()].filter(fits).reduce((sum, { count }) => sum + count, 0);
  }

  inFlight(release: string): number {
    return this.plane.workers()[0]?.inFlight[release] ?? 0;
  }

  inFlightNow(): number {
    return Object.values(this.plane.workers()[0]?.inFlight ?? {}).reduce((sum, count) => sum + count, 0);
  }

  open({ method = "GET", path = "/", headers = {}, body = "" }: Sent): Promise<http.IncomingMessage> {
    return new Promise((resolve, reject) => {
      const length = body === "" || "transfer-encoding" in headers ? {} : { "content-length": String(body.length) };
      const all = { host: "shop.test", ...length, ...headers };
      const request = http.request({ host: "127.0.0.1", port: this.port, method, path, headers: all, agent: false }, resolve);
      request.on("error", reject);
      request.end(body);
    });
  }

  async send(sent: Sent): Promise<{ status: number; headers: http.IncomingHttpHeaders; body: string }> {
    const incoming = await this.open(sent);
    return { status: incoming.statusCode ?? 0, headers: incoming.headers, body: await textOf(incoming) };
  }

  async sendRaw(text: string): Promise<string> {
    const socket = net.connect(this.port, "127.0.0.1");
    socket.write(text, "latin1");
    const received = collect(socket);
    await received.ended;
    return received.text;
  }
}

export async function openWorld(
  t: TestContext,
  {
    stored,
    hasControl = true,
    certificates,
    limits = {},
    clock: workersClock = clock,
  }: {
    stored?: RoutingTable;
    hasControl?: boolean;
    limits?: Partial<Limits>;
    /** The worker's own, when what comes round there is to come round sooner. */
    clock?: Clock;
    certificates?: Readonly<Record<string, string>>;
  } = {},
): Promise<LoopbackWorld> {
  const folder = mkdtempSync(join(tmpdir(), "belay-proxy-"));
  const tableFile = join(folder, "table.json");
  if (stored !== undefined) writeFileSync(tableFile, JSON.stringify(stored));
  const { fd, port } = listeningDescriptor();
  const world = new LoopbackWorld(port, { linkPath: join(folder, "workers.sock"), releasesFolder: join(folder, "releases") });
  if (hasControl) await world.plane.listen();
  for (const [name, host] of Object.entries(certificates ?? {})) makeCertificate(world.certificatesFolder, name, host);
  const secure = certificates === undefined ? null : listeningDescriptor();
  world.tlsPort = secure?.port ?? 0;
  const ending = new AbortController();
  let laterMs = 0;
  const worker = runProxyWorker({
    clock: {
      now: () => workersClock.now(),
      monotonicMs: () => workersClock.monotonicMs() + laterMs,
      sleep: (durationMs, signal) => workersClock.sleep(durationMs, signal),
      every: (periodMs, action) => workersClock.every(periodMs, action),
    },
    random: createSystemRandom(),
    log: {
      ...silentLog,
      warn: (message) => {
        if (message === "a certificate cannot be used") world.refusedCertificates += 1;
      },
    },
    httpFd: fd,
    httpsFd: secure?.fd ?? null,
    linkSocketPath: join(folder, "workers.sock"),
    tableFile,
    releasesFolder: join(folder, "releases"),
    certificatesFolder: join(folder, "certificates"),
    visitorKey,
    limits,
    workerName: "proxy-1",
    pid: process.pid,
    onReload: (listener) => {
      world.reloadFrom = (table) => {
        writeFileSync(tableFile, JSON.stringify(table));
        listener();
      };
      return () => {};
    },
    signal: ending.signal,
  });
  world.end = () => {
    ending.abort();
    return worker;
  };
  t.after(async () => {
    // When the test is over, nobody waits for connections that it has left open.
    laterMs = hourMs;
    await world.end();
    if (hasControl) world.plane.close();
    rmSync(folder, { recursive: true });
  });
  return world;
}

/** Signed by itself, as good as any for what is tested here. */
export function makeCertificate(folder: string, name: string, host: string, days = 2): void {
  mkdirSync(join(folder, name), { recursive: true });
  const key = [
    "-newkey",
    "ec",
    "-pkeyopt",
    "ec_paramgen_curve:prime256v1",
    "-nodes",
    "-keyout",
    join(folder, name, "privkey.pem"),
  ];
  const subject = ["-subj", `/CN=${host}`, "-addext", `subjectAltName=DNS:${host}`, "-days", String(days)];
  execFileSync("openssl", ["req", "-x509", ...key, ...subject, "-out", join(folder, name, "fullchain.pem")], { stdio: "ignore" });
}

/** A bound socket that nobody else holds, as the keeper makes it. */
export function listeningDescriptor(): { fd: number; port: number } {
  const create = (
    net as unknown as { _createServerHandle(...options: unknown[]): { fd: number; getsockname(into: object): number } }
  )._createServerHandle;
  const handle = create("127.0.0.1", 0, 4, -1, 0);
  const address = { port: 0 };
  handle.getsockname(address);
  return { fd: handle.fd, port: address.port };
}

export async function openApp(t: TestContext, handler: http.RequestListener): Promise<Target & { server: http.Server }> {
  // What is tested with kept connections must not find them closed after Node's 5 s.
  const server = http.createServer({ keepAliveTimeout: 600_000 }, handler);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  const { port } = server.address() as net.AddressInfo;
  return { instance: `app-${port}`, host: "127.0.0.1", port, server };
}

/** Nobody listens there. The port stays bound, so that the kernel gives it to nobody else; a test may listen on it later. */
export function closedTarget(instance: string): Target {
  return { instance, host: "127.0.0.1", port: listeningDescriptor().port };
}

/** What the worker last said of the requests that wait. */
export function watchHolds(world: LoopbackWorld): () => { waiting: number; held: number; expired: number; overflowed: number } {
  let last = { waiting: 0, held: 0, expired: 0, overflowed: 0 };
  world.plane.onReport(({ front }) => {
    const [holds] = front?.holds ?? [];
    if (holds !== undefined) last = holds;
  });
  return () => last;
}

function cookieWhere(isWanted: (bucket: number) => boolean): string {
  const cookies = new VisitorCookies({ key: visitorKey, random: createSystemRandom() });
  for (;;) {
    const { id, setCookie } = cookies.identify([], clock.now().epochMilliseconds / 1000);
    if (isWanted(bucketOf("salt", id))) return /^belay_uid=([^;]+)/.exec(setCookie ?? "")?.[1] ?? "";
  }
}

export async function textOf(stream: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

export function collect(socket: net.Socket): { text: string; ended: Promise<void> } {
  const received = { text: "", ended: new Promise<void>((resolve) => socket.once("close", () => resolve())) };
  socket.on("error", () => {});
  socket.on("data", (chunk: Buffer) => {
    received.text += chunk.toString("latin1");
  });
  return received;
}

/** Waits for a condition, not for a time. */
export async function until(isTrue: () => boolean | Promise<boolean>): Promise<void> {
  const deadlineMs = clock.monotonicMs() + 90_000;
  while (!(await isTrue())) {
    assert.ok(clock.monotonicMs() < deadlineMs, `still not: ${isTrue}`);
    await clock.sleep(5);
  }
}
