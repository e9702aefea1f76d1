import type { Clock } from "../ports/clock.ts";
import { readJsonFile } from "../ports/durable-file.ts";
import type { Log } from "../ports/log.ts";
import type { Random } from "../ports/random.ts";
import { FrontCounts } from "../routing/front-counts.ts";
import { poolsOf, type RoutingTable } from "../routing/table.ts";
import { VisitorCookies } from "../routing/visitor-cookie.ts";
import { WorkerState } from "../routing/worker-state.ts";
import { Certificates } from "./certificates.ts";
import { Copies } from "./copies.ts";
import { ProxiesInFront } from "./forwarding.ts";
import { Front } from "./front.ts";
import { Hedges } from "./hedges.ts";
import { HeldRequests } from "./held-requests.ts";
import { KeptBytes } from "./kept-body.ts";
import { defaultLimits, type Limits } from "./limits.ts";
import { type ControlMessage, LinkClient } from "./link-client.ts";
import { parseRoutingTable } from "./link-messages.ts";
import type { ProxyContext } from "./proxy-context.ts";
import { Redemptions } from "./redemptions.ts";
import { Reporter } from "./reporter.ts";
import type { RequestHead } from "./request-head.ts";
import { UndiciUpstream } from "./undici-upstream.ts";
import { UnreadAnswers } from "./unread-answers.ts";

const deadlinePeriodMs = 100;
const pacePeriodMs = 1_000;
const reportPeriodMs = 50;
const certificatesPeriodMs = 5_000;
/** How long a new worker waits for the control plane's table before it serves the one on disk. Clients wait in the socket's queue. */
const firstTableWaitMs = 500;

export interface ProxyWorkerOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Listening socket, inherited from the keeper. */
  readonly httpFd: number;
  /** The same for clients that speak TLS; null when nobody asked for it. */
  readonly httpsFd?: number | null;
  /** A folder for each certificate; see `Certificates`. */
  readonly certificatesFolder: string;
  readonly linkSocketPath: string;
  /** The last routing table, as JSON: what is served while there is no control plane. */
  readonly tableFile: string;
  /** Bundles by digest. */
  readonly releasesFolder: string;
  readonly visitorKey: Uint8Array;
  /** Where they differ from the defaults. */
  readonly limits?: Partial<Limits>;
  readonly workerName: string;
  readonly pid: number;
  /** Calls back when somebody asks to serve what is on disk now: the way to stable when there is no control plane. Returns how to end it. */
  readonly onReload?: (listener: () => void) => () => void;
  /** Ends the worker: it drains, and the promise resolves when its last connection has gone. */
  readonly signal: AbortSignal;
}

/** The whole life of a proxy worker. Rejects only when it cannot listen. */
export async function runProxyWorker(options: ProxyWorkerOptions): Promise<void> {
  const worker = new ProxyWorker(options);
  await worker.run();
}

class ProxyWorker {
  readonly #options: ProxyWorkerOptions;
  readonly #boot: string;
  readonly #state: WorkerState;
  readonly #context: ProxyContext;
  readonly #upstream = new UndiciUpstream();
  /** Its own, so that nothing that a shadow does takes a connection from a visitor. */
  readonly #copyUpstream = new UndiciUpstream();
  readonly #front: Front;
  readonly #link: LinkClient;
  readonly #reporter: Reporter;
  readonly #firstTable = Promise.withResolvers<void>();
  readonly #certificates: Certificates;
  /** Null as long as there is no TLS. */
  #tlsPort: number | null = null;
  readonly #redemptions: Redemptions;
  #requestCount = 0;

  constructor(options: ProxyWorkerOptions) {
    const { clock, random, log, visitorKey, linkSocketPath } = options;
    const counts = new FrontCounts();
    const limits = { ...defaultLimits, ...options.limits };
    this.#options = options;
    this.#boot = Buffer.from(random.bytes(8)).toString("hex");
    this.#certificates = new Certificates({ folder: options.certificatesFolder, log });
    const cookies = new VisitorCookies({ key: visitorKey, random });
    this.#state = new WorkerState({ unitOf: (visitor) => cookies.unitOf(visitor), boot: this.#boot });
    this.#context = {
      clock,
      state: this.#state,
      upstream: this.#upstream,
      releasesFolder: options.releasesFolder,
      cookies,
      proxiesInFront: new ProxiesInFront(),
      keptBytes: new KeptBytes(),
      copies: new Copies({ state: this.#state, clock, upstream: this.#copyUpstream }),
      limits,
      front: counts,
      hedges: new Hedges(counts),
      held: new HeldRequests(limits, counts),
      unread: new UnreadAnswers(limits, counts),
      requests: new Map(),
      nextRequestId: () => {
        this.#requestCount += 1;
        return `${this.#boot}-${this.#requestCount.toString(36)}`;
      },
      secureLocation: (head) => this.#secureLocation(head),
      redeem: (link) => this.#redemptions.redeem(link),
      judged: () => this.#reporter.judged(),
      isDraining: () => options.signal.aborted,
    };
    this.#front = new Front(this.#context, this.#certificates);
    this.#link = new LinkClient({
      path: linkSocketPath,
      clock,
      log,
      hello: (protocol) => this.#hello(protocol),
      onReady: () => this.#reporter.relinked(),
      onMessage: (message) => this.#receive(message),
    });
    this.#redemptions = new Redemptions({
      ask: (request, link) => {
        if (this.#link.isReady) this.#link.send({ kind: "redeem", request, link });
        return this.#link.isReady;
      },
      sleep: (durationMs) => clock.sleep(durationMs),
    });
    this.#reporter = new Reporter({
      state: this.#state,
      front: counts,
      clock,
      link: this.#link,
      enforceDeadlines: () => this.#front.enforceDeadlines(),
    });
  }

  async run(): Promise<void> {
    const { clock, log, httpFd, httpsFd, signal } = this.#options;
    this.#serveStoredTable();
    const linked = this.#link.run();
    const stopDeadlines = clock.every(deadlinePeriodMs, () => this.#front.enforceDeadlines());
    const stopPaces = clock.every(pacePeriodMs, () => this.#front.checkPaces());
    const stopReports = clock.every(reportPeriodMs, () => this.#reporter.tick());
    const stopCertificates =
      typeof httpsFd === "number" ? clock.every(certificatesPeriodMs, () => this.#reloadCertificates()) : () => {};
    const stopReloads = this.#options.onReload?.(() => this.#reload());
    try {
      await this.#waitForFirstTable();
      await this.#front.listen(httpFd);
      if (typeof httpsFd === "number") {
        this.#tlsPort = await this.#front.listenTls(httpsFd);
        this.#reloadCertificates();
      }
      log.info("serving", { epoch: this.#state.table.epoch });
      await aborted(signal);
      log.info("draining");
      await this.#front.drain(this.#context.limits.drainMs);
      this.#reporter.send();
    } finally {
      stopDeadlines();
      stopPaces();
      stopReports();
      stopCertificates();
      stopReloads?.();
      this.#link.close();
      await linked;
      this.#context.copies.close();
      await Promise.all([this.#upstream.close(), this.#copyUpstream.close()]);
    }
  }

  #reloadCertificates(): void {
    this.#front.reloadCertificates();
    this.#context.front.certificates = this.#certificates.report();
  }

  /** Hosts that a certificate is for are served over TLS. What an ACME client asks for is left where it asks. */
  #secureLocation({ host, target }: RequestHead): string | null {
    if (this.#tlsPort === null || target.startsWith("/.well-known/acme-challenge/") || !this.#certificates.covers(host))
      return null;
    return `https://${host}${this.#tlsPort === 443 ? "" : `:${this.#tlsPort}`}${target}`;
  }

  #hello(protocol: number): Parameters<LinkClient["send"]>[0] {
    const { workerName, pid, clock } = this.#options;
    const brakes = this.#state.brakes(clock.monotonicMs());
    return {
      kind: "hello",
      protocol,
      worker: workerName,
      boot: this.#boot,
      pid,
      epoch: this.#state.table.epoch,
      brakes,
    };
  }

  #receive(message: ControlMessage): void {
    switch (message.kind) {
      case "table":
        this.#serve(message.table);
        break;
      case "lease":
        this.#state.renewLease(message.epoch, message.ttlMs, this.#options.clock.monotonicMs());
        break;
      case "redeemed":
        this.#redemptions.answered(message.request, message.redemption);
        break;
      case "kept":
        this.#state.kept(message.sequence);
        break;
    }
  }

  #serve(table: RoutingTable): void {
    const { clock, log } = this.#options;
    if (!this.#state.acceptTable(table, clock.monotonicMs())) {
      log.warn("refused an old routing table", { epoch: table.epoch, present: this.#state.table.epoch });
      return;
    }
    this.#front.cutAbandoned(table);
    this.#upstream.retain(table.services.flatMap((service) => poolsOf(service).flatMap(({ targets }) => targets)));
    this.#copyUpstream.retain(
      table.services.flatMap(({ stable, shadow }) => (shadow === undefined ? [] : [...stable.targets, ...shadow.pool.targets])),
    );
    this.#context.held.tableServed();
    this.#firstTable.resolve();
    // First what happened under the tables before, so that the totals are complete when the acknowledgement arrives.
    this.#reporter.send();
    this.#link.send({ kind: "ack", epoch: table.epoch });
  }

  /** A table of the same epoch is taken too: it is what its writer made of the present one. An older one is not. */
  #reload(): void {
    const { tableFile, clock, log } = this.#options;
    const stored = readStoredTable(tableFile);
    if (stored === null || stored.epoch < this.#state.table.epoch) {
      log.warn("was asked to serve the table on disk, which is no newer one", {
        epoch: stored?.epoch,
        present: this.#state.table.epoch,
      });
      return;
    }
    this.#state.acceptStoredTable(stored, clock.monotonicMs());
    this.#front.cutAbandoned(stored);
    this.#context.held.tableServed();
    log.info("serves the table on disk, as it was asked to", { epoch: stored.epoch });
  }

  #serveStoredTable(): void {
    const { tableFile, clock, log } = this.#options;
    const stored = readStoredTable(tableFile);
    if (stored === null) log.warn("no routing table on disk; waiting for the control plane", { tableFile });
    else this.#state.acceptStoredTable(stored, clock.monotonicMs());
  }

  async #waitForFirstTable(): Promise<void> {
    const { clock, signal } = this.#options;
    const waited = new AbortController();
    const limit = clock.sleep(firstTableWaitMs, AbortSignal.any([signal, waited.signal])).catch((cause: unknown) => {
      if (!signal.aborted && !waited.signal.aborted) throw cause;
    });
    await Promise.race([this.#firstTable.promise, limit]);
    waited.abort();
  }
}

/** Null when there is none, or it cannot be read: a worker without it still serves as soon as a control plane is there. */
function readStoredTable(tableFile: string): RoutingTable | null {
  try {
    return parseRoutingTable(readJsonFile(tableFile));
  } catch (cause) {
    if (cause instanceof SyntaxError) return null;
    throw cause;
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
