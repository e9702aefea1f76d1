import type { Clock } from "../ports/clock.ts";
import { Attempts } from "../proxy/attempts.ts";
import { Reporter } from "../proxy/reporter.ts";
import type { FieldDifference } from "../routing/field-difference.ts";
import { FrontCounts } from "../routing/front-counts.ts";
import type { Choice, InFlight } from "../routing/in-flight.ts";
import type { ExchangeEnd } from "../routing/outcome.ts";
import type { Asked } from "../routing/shield.ts";
import type { Target } from "../routing/table.ts";
import { type AnyRecord, type FromWorker, linkProtocol, type ToWorker } from "../routing/wire.ts";
import { WorkerState } from "../routing/worker-state.ts";
import type { Agenda } from "./agenda.ts";
import type { EndCause, Served, SimInstance } from "./instance.ts";
import type { Link, LinkEnd } from "./link.ts";
import type { SimNode } from "./node.ts";
import type { Answer } from "./releases.ts";
import type { VisitorRequest } from "./visitors.ts";

/** The proxy's own times (`proxy/proxied-request.ts`). */
const waitForSomebodyMs = 3_000;
const askAgainMs = 50;

/** How one request ended for its visitor. `excuse` says what made it fail: its release, a fault, or nothing that excuses Belay. */
export interface Ending {
  readonly end: ExchangeEnd | "unrouted";
  readonly status: number | null;
  readonly brokenBy: EndCause | null;
  readonly tried: readonly (SimInstance | null)[];
  readonly tookMs: number;
}

/** What a worker needs of the world around it, and whom it tells what it does. */
export interface WorkerSurroundings {
  readonly agenda: Agenda;
  readonly clock: Clock;
  /** Something goes on in a microtask; whoever runs the agenda waits for it. */
  hasMicrotasks(): void;
  instanceAt(target: Target): SimInstance | undefined;
  answerOf(instance: SimInstance, request: VisitorRequest): Answer;
  /** Records leave for the control plane, for the first time or again. */
  reported(records: readonly AnyRecord[]): void;
  chosen(worker: SimWorker, choice: Choice, request: VisitorRequest): void;
  tried(worker: SimWorker, target: Target, instance: SimInstance | undefined): void;
  sent(worker: SimWorker, instance: SimInstance, exchange: Exchange): void;
  acceptedTable(worker: SimWorker): void;
  ended(worker: SimWorker, exchange: Exchange | null, request: VisitorRequest, ending: Ending): void;
}

/** One request on its way through a worker. */
export interface Exchange {
  readonly request: VisitorRequest;
  /** As it was at first; the one in flight may have been withdrawn from the canary since. */
  readonly choice: Choice;
  readonly inFlight: InFlight;
  readonly attempts: Attempts;
  /** How its instance knows it. */
  readonly served: Served;
  readonly tried: (SimInstance | null)[];
  instance: SimInstance | null;
  /** Raised when stable takes over: what the canary still says is heard no more. */
  sendings: number;
  refusedSinceMs: number | null;
  isOver: boolean;
}

/** A proxy worker: the production brain with simulated sockets. One object is one process; the next boot is another one. */
export class SimWorker implements LinkEnd<ToWorker> {
  readonly name: string;
  readonly boot: string;
  readonly pid: number;
  readonly node: SimNode;
  readonly state: WorkerState = new WorkerState({ unitOf: (visitor) => visitor });
  isAlive = true;
  /** When a control plane last granted or renewed this worker's leases; null when none has since its start. */
  grantedAtMs: number | null = null;
  #link: Link | null = null;
  #isWelcome = false;
  readonly #around: WorkerSurroundings;
  readonly #reporter: Reporter;
  readonly #exchanges = new Map<InFlight, Exchange>();

  constructor(options: { name: string; boot: string; pid: number; node: SimNode; around: WorkerSurroundings }) {
    this.name = options.name;
    this.boot = options.boot;
    this.pid = options.pid;
    this.node = options.node;
    this.#around = options.around;
    const isReady = (): boolean => this.#isWelcome;
    this.#reporter = new Reporter({
      state: this.state,
      counts: new FrontCounts(),
      clock: this.#around.clock,
      link: {
        get isReady() {
          return isReady();
        },
        send: (message) => this.#send(message),
      },
      enforceDeadlines: () => this.#enforceDeadlines(),
    });
  }

  get #nowMs(): number {
    return this.#around.agenda.nowMs;
  }

  connect(link: Link): void {
    this.#link = link;
    const brakes = this.state.brakes(this.#nowMs);
    const { name: worker, boot, pid } = this;
    link.toControl({ kind: "hello", protocol: linkProtocol, worker, boot, pid, epoch: this.state.table.epoch, brakes });
  }

  closed(): void {
    this.#link = null;
    this.#isWelcome = false;
  }

  receive(message: ToWorker): void {
    const nowMs = this.#nowMs;
    switch (message.kind) {
      case "welcome":
        this.#isWelcome = true;
        this.#reporter.relinked();
        return;
      case "table":
        if (!this.state.acceptTable(message.table, nowMs)) return;
        this.grantedAtMs = nowMs;
        this.#around.acceptedTable(this);
        this.#reporter.send();
        this.#send({ kind: "ack", epoch: message.table.epoch });
        return;
      case "lease":
        this.state.renewLease(message.epoch, message.ttlMs, nowMs);
        if (message.epoch === this.state.table.epoch && message.ttlMs > 0) this.grantedAtMs = nowMs;
        return;
      case "kept":
        this.state.kept(message.sequence);
        return;
      case "refused":
        return;
    }
  }

  /** What a worker does every 100 ms. */
  tick(): void {
    this.#enforceDeadlines();
    this.#reporter.tick();
  }

  /** A request of a visitor has not ended. */
  get isBusy(): boolean {
    return this.#exchanges.size > 0;
  }

  get isLinked(): boolean {
    return this.#link !== null;
  }

  /** The process is gone, and every request in it. */
  die(): void {
    this.isAlive = false;
    this.#link?.break("worker");
    for (const exchange of this.#exchanges.values()) {
      exchange.isOver = true;
      exchange.instance?.served.delete(exchange.served);
    }
    this.#exchanges.clear();
  }

  take(host: string, request: VisitorRequest): void {
    const nowMs = this.#nowMs;
    const choice = this.state.choose({ host, path: "/", visitor: request.visitor.id, nowMs });
    if (choice === null) {
      this.#around.ended(this, null, request, { end: "unrouted", status: null, brokenBy: null, tried: [], tookMs: 0 });
      return;
    }
    this.#around.chosen(this, choice, request);
    const inFlight = this.state.exchangeStarted(choice, nowMs, askedBy(request));
    const attempts = new Attempts({ state: this.state, request: inFlight, nowMs });
    const served: Served = { broken: (because) => this.#broken(exchange, because) };
    const exchange: Exchange = {
      request,
      choice,
      inFlight,
      attempts,
      served,
      tried: [],
      instance: null,
      sendings: 0,
      refusedSinceMs: null,
      isOver: false,
    };
    this.#exchanges.set(inFlight, exchange);
    if (request.leavesAfterMs !== null) this.#later(exchange, request.leavesAfterMs, () => this.#end(exchange, "aborted", null));
    this.#try(exchange, request.connectMs);
  }

  #try(exchange: Exchange, connectMs: number): void {
    for (;;) {
      const target = exchange.attempts.next(this.#nowMs);
      if (target === null) {
        this.#waitForSomebody(exchange);
        return;
      }
      if (connectMs > 0) {
        this.#later(exchange, connectMs, () => {
          if (!this.#reach(exchange, target)) this.#try(exchange, 0);
        });
        return;
      }
      if (this.#reach(exchange, target)) return;
    }
  }

  /** As the proxy does: nothing was sent yet, and an instance may be starting again. */
  #waitForSomebody(exchange: Exchange): void {
    exchange.refusedSinceMs ??= this.#nowMs;
    if (this.#nowMs - exchange.refusedSinceMs >= waitForSomebodyMs) {
      this.#end(exchange, "refused", null);
      return;
    }
    this.#later(exchange, askAgainMs, () => {
      exchange.attempts.startOver(this.#nowMs);
      this.#try(exchange, 0);
    });
  }

  /** Connects, and sends the request. False when another instance is to be tried. */
  #reach(exchange: Exchange, target: Target): boolean {
    const nowMs = this.#nowMs;
    const instance = this.#around.instanceAt(target);
    exchange.tried.push(instance ?? null);
    this.#around.tried(this, target, instance);
    if (instance === undefined || !instance.isServing(nowMs)) {
      exchange.attempts.refused(target, nowMs);
      this.#judged();
      return false;
    }
    if (!exchange.attempts.mayStart(nowMs)) return false;
    this.#around.sent(this, instance, exchange);
    exchange.instance = instance;
    instance.served.add(exchange.served);
    const { request, inFlight } = exchange;
    const answer = this.#around.answerOf(instance, inFlight.hasFallenBack ? askedAgain(request) : request);
    exchange.sendings += 1;
    const sending = exchange.sendings;
    this.#later(exchange, answer.afterMs, () => {
      if (exchange.sendings === sending) this.#answered(exchange, instance, answer.status);
    });
    return true;
  }

  /** The canary has failed, and stable takes over if the shield covers the request. */
  #replay(exchange: Exchange, hasAnswered = false): boolean {
    if (!exchange.attempts.replay({ hasAnswered, nowMs: this.#nowMs })) return false;
    exchange.instance?.served.delete(exchange.served);
    exchange.instance = null;
    exchange.sendings += 1;
    this.#judged();
    this.#try(exchange, 0);
    return true;
  }

  #answered(exchange: Exchange, instance: SimInstance, status: number): void {
    const nowMs = this.#nowMs;
    this.state.targetAnswered(instance.id);
    if (status >= 500 && this.#replay(exchange, true)) return;
    this.state.headArrived(exchange.inFlight, { status, kind: "body", nowMs });
    this.#end(exchange, "complete", null);
  }

  #broken(exchange: Exchange, because: EndCause): void {
    if (exchange.isOver || exchange.instance === null) return;
    this.state.targetUnreachable(exchange.inFlight.choice, exchange.instance.id, this.#nowMs);
    if (this.#replay(exchange)) return;
    this.#end(exchange, "reset", because);
  }

  #end(exchange: Exchange, end: ExchangeEnd, brokenBy: EndCause | null): void {
    exchange.isOver = true;
    this.#exchanges.delete(exchange.inFlight);
    exchange.instance?.served.delete(exchange.served);
    const { inFlight, request, tried } = exchange;
    this.state.exchangeEnded(inFlight, end, this.#nowMs);
    if (end === "complete") this.#copy(inFlight, request);
    const tookMs = this.#nowMs - inFlight.startMs;
    this.#around.ended(this, exchange, request, { end, status: inFlight.status, brokenBy, tried, tookMs });
    this.#judged();
  }

  /** As the proxy does, but for the bodies: what differs is what the story says of the release. */
  #copy(inFlight: InFlight, request: VisitorRequest): void {
    const copy =
      (inFlight.status ?? 500) >= 500
        ? null
        : this.state.shadows.want({ choice: inFlight.choice, method: askedBy(request).method }, this.#nowMs);
    const [target] = copy?.shadow.pool.targets ?? [];
    if (copy === null || target === undefined) return;
    const instance = this.#around.instanceAt(target);
    const { shadows } = this.state;
    if (!shadows.mayAsk(copy, this.#nowMs)) {
      shadows.dropped(copy, "rate");
      return;
    }
    const isPaired = shadows.isPaired(copy);
    shadows.mirrored(copy);
    const afterMs = instance === undefined ? 0 : this.#around.answerOf(instance, request).afterMs;
    this.#around.agenda.after(afterMs, () => {
      if (!this.isAlive) return;
      shadows.ended(copy, instance !== undefined);
      if (isPaired) shadows.paired(copy, [noise]);
      shadows.compared(copy, differencesOf(instance, this.#nowMs));
    });
  }

  #later(exchange: Exchange, delayMs: number, action: () => void): void {
    this.#around.agenda.after(delayMs, () => {
      if (!exchange.isOver) action();
    });
  }

  #judged(): void {
    if (!this.state.hasUrgentNews) return;
    this.#reporter.judged();
    this.#around.hasMicrotasks();
  }

  #enforceDeadlines(): void {
    for (const request of this.state.overdue(this.#nowMs)) {
      const exchange = this.#exchanges.get(request);
      if (exchange !== undefined && !this.#replay(exchange)) this.#end(exchange, "overdue", null);
    }
  }

  #send(message: FromWorker): void {
    if (message.kind === "report") this.#around.reported(message.records);
    this.#link?.toControl(message);
  }
}

/** A field that no two answers have in common. */
const noise: FieldDifference = { field: "body.at", how: "value", example: "number of 13 digits → number of 13 digits" };

function differencesOf(instance: SimInstance | undefined, nowMs: number): readonly FieldDifference[] {
  if (instance === undefined || !instance.isServing(nowMs))
    return [{ field: "answer", how: "missing", example: "200 → no answer" }];
  const added: FieldDifference = { field: "body.rating", how: "added", example: "absent → number of 1 digits" };
  return instance.story.answersOtherwise === true ? [noise, added] : [noise];
}

/** What took long once need not take long again. */
function askedAgain(request: VisitorRequest): VisitorRequest {
  return { ...request, serviceMs: 2 + 38 * request.workerLuck };
}

/** The landing pages are looked at; the third page is an order. */
function askedBy({ page }: VisitorRequest): Asked {
  return { method: page < 2 ? "GET" : "POST", hasIdempotencyKey: false, bodyBytes: 0 };
}
