import type { BuildOrder } from "../control/world.ts";
import { BelayError } from "../errors.ts";
import { MemoryLedgerDisk } from "../ledger/memory-ledger.ts";
import { ManualClock } from "../ports/manual-clock.ts";
import type { WorkerProcess } from "../rollout/background.ts";
import type { Entry } from "../rollout/entry.ts";
import type { Release, ReleaseId, Rollout } from "../rollout/rollout.ts";
import type { Service } from "../rollout/service.ts";
import { Agenda } from "./agenda.ts";
import { type ControlDisk, ControlProcess } from "./control-process.ts";
import { Draw } from "./draw.ts";
import { LedgerChecker } from "./ledger-checker.ts";
import { SimNode } from "./node.ts";
import { environment } from "./people.ts";
import { answerOf, type Behaviour, type ReleaseStory } from "./releases.ts";
import { RoutingChecker } from "./routing-checker.ts";
import { ServingChecker } from "./serving-checker.ts";
import { SimRuntime } from "./sim-runtime.ts";
import type { Story } from "./story.ts";
import { TaskChecker } from "./task-checker.ts";
import { Traffic } from "./traffic.ts";
import type { Violation } from "./violation.ts";
import type { VisitorRequest } from "./visitors.ts";
import type { SimWorker, WorkerSurroundings } from "./worker.ts";
import { WorkerChecker } from "./worker-checker.ts";
import { WorkerPlace } from "./worker-place.ts";

const taskTimeoutMs = 1_000;
const workerNames = ["worker-1", "worker-2"] as const;

const worker: WorkerProcess = { kind: "worker", name: "worker", command: "sim", memoryBytesMax: null, aliveAfterMs: 1_000 };

interface KnownCommit {
  readonly story: ReleaseStory;
  readonly service: string;
}

/** A whole deployment in memory: two nodes, a worker on each, instances on both, and the control plane on the first. */
export class World {
  readonly clock: ManualClock = new ManualClock();
  readonly agenda: Agenda = new Agenda(this.clock);
  readonly nodes: readonly [SimNode, SimNode] = [new SimNode("node-1"), new SimNode("node-2")];
  readonly disk: ControlDisk = { ledger: new MemoryLedgerDisk(), evidence: null, budgets: null, table: null, isFull: false };
  readonly runtime: SimRuntime;
  readonly ledger: LedgerChecker;
  readonly routing: RoutingChecker;
  readonly serving: ServingChecker;
  readonly traffic: Traffic;
  readonly workerChecker: WorkerChecker;
  readonly places: readonly WorkerPlace[];
  control: ControlProcess | null = null;
  /** The control plane that is started next dies before this action of its own, counted from 0; null lives on. */
  nextDiesBefore: number | null;
  /** Why nobody can ask the keeper which workers run. */
  isKeeperSilent = false;
  outageShare = 0;
  violation: Violation | null = null;
  /** Called when the control plane is gone, whatever ended it. */
  onControlDeath: () => void = () => {};
  readonly #story: Story;
  readonly #draw: Draw;
  readonly #controlDraw: Draw;
  readonly #commits = new Map<string, KnownCommit>();
  readonly #bakingSince = new Map<ReleaseId, number>();
  #hasMicrotasks = false;
  #boots = 0;

  constructor(story: Story, options: { readonly diesBefore?: number } = {}) {
    this.#story = story;
    this.#draw = new Draw(story.seed, "world");
    this.#controlDraw = new Draw(story.seed, "control");
    this.nextDiesBefore = options.diesBefore ?? null;
    const complain = (checker: Violation["checker"], message: string): void => {
      this.violation ??= { checker, message, atMs: this.agenda.nowMs };
    };
    const behaviourOf = (release: ReleaseId): Behaviour | undefined => this.#behaviourOf(release);
    this.ledger = new LedgerChecker({ complain, behaviourOf, onEntry: (entry, service) => this.#noteEntry(entry, service) });
    this.routing = new RoutingChecker({ complain, ledger: this.ledger });
    this.serving = new ServingChecker({ complain });
    this.traffic = new Traffic({ complain });
    const tasks = new TaskChecker({ complain, serviceOf: (release) => this.#serviceOf(release) });
    this.workerChecker = new WorkerChecker({ complain });
    this.runtime = new SimRuntime({
      agenda: this.agenda,
      draw: this.#draw,
      nodes: this.nodes,
      storyOf: (release) => this.#storyOf(release),
      hasMicrotasks: () => this.hasMicrotasks(),
      onStart: (release) => tasks.instanceStarted(release),
      onTask: (task) => tasks.taskStarted(task),
      onWorker: (release, running) => this.workerChecker.started(release, running),
    });
    this.places = workerNames.map((name, index) => {
      const node = this.nodes[index === 0 ? 0 : 1];
      return new WorkerPlace({ name, node, draw: this.#draw, around: this.#workerSurroundings(), control: () => this.control });
    });
  }

  get workers(): readonly SimWorker[] {
    return this.places.map(({ present }) => present).filter((worker) => worker !== null);
  }

  complain(checker: Violation["checker"], message: string): void {
    this.violation ??= { checker, message, atMs: this.agenda.nowMs };
  }

  /** Names a commit of the story; whoever builds it gets the release that behaves so. */
  commitOf(service: string, story: ReleaseStory): string {
    const commit = this.#controlDraw.hex(40);
    this.#commits.set(commit, { story, service });
    return commit;
  }

  startControl(): void {
    if (this.control !== null || !this.nodes[0].isUp) return;
    this.#boots += 1;
    const control = new ControlProcess({
      clock: this.clock,
      random: this.#controlDraw.random,
      disk: this.disk,
      runtime: this.runtime,
      boot: `control-${this.#boots}`,
      machineBoot: `${this.nodes[0].name}-${this.nodes[0].boots}`,
      diesBefore: this.nextDiesBefore,
      build: (order) => this.#build(order),
      runningWorkers: () => this.#runningWorkers(),
      replaceWorker: (pid) => this.#replaceWorker(pid),
      stopAsked: (instance) => this.#stopAsked(instance),
      died: () => this.#controlDied(),
      bug: (cause) => this.bug(cause),
      hasMicrotasks: () => this.hasMicrotasks(),
    });
    this.nextDiesBefore = null;
    if (!control.isAlive) return;
    this.control = control;
    this.routing.controlGoneAtMs = null;
    for (const place of this.places) place.connect();
    const tick = (): void => {
      if (this.control !== control) return;
      control.tick();
      this.agenda.after(100, tick);
    };
    tick();
  }

  startWorker(place: WorkerPlace): void {
    this.#boots += 1;
    place.start({ boots: this.#boots, table: this.disk.table });
  }

  killWorker(place: WorkerPlace): void {
    place.kill();
    this.traffic.lostAWorker();
  }

  /** A request of a visitor, taken by a worker that accepts. With no worker at all nobody is there to take it. */
  ask(service: string, request: VisitorRequest): void {
    const accepting = this.workers.filter(({ state }) => state.table.epoch > 0);
    const worker = accepting[Math.floor(request.workerLuck * accepting.length)];
    worker?.take(hostOf(service), request);
  }

  bug(cause: unknown): void {
    this.complain("no-bug", cause instanceof Error ? (cause.stack ?? cause.message) : String(cause));
  }

  /** Lets everything happen that the last event has begun. */
  async settle(): Promise<void> {
    if (!this.#hasMicrotasks) return;
    this.#hasMicrotasks = false;
    for (let hop = 0; hop < 8; hop += 1) await null;
    for (let hop = 0; hop < 80 && this.control?.isTicking === true; hop += 1) await null;
  }

  /** Something goes on in microtasks: `settle` waits for it. */
  hasMicrotasks(): void {
    this.#hasMicrotasks = true;
  }

  #controlDied(): void {
    this.control = null;
    this.routing.controlGoneAtMs ??= this.agenda.nowMs;
    for (const place of this.places) place.controlDied();
    this.onControlDeath();
  }

  #runningWorkers(): Promise<readonly number[]> {
    if (!this.isKeeperSilent) return Promise.resolve(this.workers.map(({ pid }) => pid));
    return Promise.reject(
      new BelayError({
        code: "BELAY_KEEPER_UNREACHABLE",
        message: "the simulated keeper does not answer",
        next: "Wait until it does.",
      }),
    );
  }

  #replaceWorker(pid: number): void {
    const place = this.places.find(({ present }) => present?.pid === pid);
    if (place === undefined) return;
    this.killWorker(place);
    this.agenda.after(200, () => this.startWorker(place));
  }

  #stopAsked(id: string): void {
    const instance = this.runtime.find(id);
    if (instance === undefined) return;
    this.ledger.catchUp(this.disk.ledger.rows);
    const tables = this.workers.map(({ state }) => state.table);
    this.serving.stopAsked({ instance, services: this.ledger.services, tables, nowMs: this.agenda.nowMs });
  }

  #build({ rollout, signal }: BuildOrder): Promise<Release> {
    const known = this.#commits.get(rollout.commit);
    const takesMs = 50 + (Number.parseInt(rollout.commit.slice(0, 2), 16) % 8) * 50;
    return new Promise((resolve, reject) => {
      signal.addEventListener("abort", () => reject(signal.reason));
      this.agenda.after(takesMs, () => {
        this.hasMicrotasks();
        if (known === undefined || known.story.behaviour.kind === "breaks-build") reject(brokenBuild(rollout.commit));
        else resolve(this.#releaseOf(rollout, known));
      });
    });
  }

  #releaseOf({ commit, service, isDirty }: Rollout, known: KnownCommit): Release {
    const { instances = 1, drainTimeoutMs = 1_000 } = this.#story.services.find(({ name }) => name === known.service) ?? {};
    return {
      id: releaseIdOf(service, commit),
      service,
      environment,
      commit,
      isDirty,
      digest: commit,
      fileCount: 1,
      bytes: 1,
      run: { command: "sim", instances, health: "/healthz", startTimeoutMs: 3_000, drainTimeoutMs, memoryBytesMax: null },
      ...(known.story.task === undefined ? {} : { tasks: [{ name: "migrate", command: "sim", timeoutMs: taskTimeoutMs }] }),
      ...(known.story.hasWorker === true ? { processes: [worker] } : {}),
      routes: [{ host: hostOf(service), path: "/", effects: "writes" }],
      expose: "previews",
    };
  }

  /** As the ledger has it now. */
  #serviceOf(release: Release): Service | undefined {
    this.ledger.catchUp(this.disk.ledger.rows);
    return this.ledger.services.find(({ name }) => name === release.service);
  }

  #storyOf(release: Release): ReleaseStory {
    const known = this.#commits.get(release.commit);
    if (known === undefined) throw new Error(`no commit of the story is ${release.commit}`);
    return known.story;
  }

  #behaviourOf(release: ReleaseId): Behaviour | undefined {
    for (const [commit, { service, story }] of this.#commits)
      if (releaseIdOf(service, commit) === release) return story.behaviour;
    return undefined;
  }

  #noteEntry(_entry: Entry, service: Service | undefined): void {
    const rollout = service?.rollout;
    if (rollout?.phase.name === "baking" && rollout.candidate !== null) {
      this.#bakingSince.getOrInsert(rollout.candidate, this.agenda.nowMs);
    }
  }

  #workerSurroundings(): WorkerSurroundings {
    const { agenda, clock } = this;
    return {
      agenda,
      clock,
      hasMicrotasks: () => this.hasMicrotasks(),
      instanceAt: ({ port }) => this.runtime.atPort(port),
      answerOf: (instance, request) => {
        const since = this.#bakingSince.get(instance.release.id);
        const bakedForMs = since === undefined ? null : agenda.nowMs - since;
        return answerOf(instance.story.behaviour, request, { bakedForMs, outageShare: this.outageShare });
      },
      acceptedTable: (worker) => {
        this.ledger.catchUp(this.disk.ledger.rows);
        this.routing.acceptedTable(worker);
      },
      chosen: (worker, choice, request) => this.routing.chosen(worker, choice, request.visitor.id, agenda.nowMs),
      reported: (records) => this.traffic.reported(records),
      tried: (worker, _target, instance) => this.routing.tried(worker, instance),
      sent: (worker, instance, exchange) => {
        const { choice, hasFallenBack } = exchange.inFlight;
        const visitor = exchange.request.visitor.id;
        const isWithdrawn = exchange.choice.arm === "canary" && choice.arm === "stable";
        this.routing.sent({ worker, instance, choice, visitor, isFallback: hasFallenBack, isWithdrawn, nowMs: agenda.nowMs });
        this.traffic.sent(instance, exchange, agenda.nowMs);
      },
      ended: (_worker, exchange, request, ending) => {
        const release = exchange?.inFlight.release ?? null;
        const isServed = this.ledger.services.some(({ stable }) => stable !== null);
        const isServing = this.runtime
          .all()
          .some((instance) => instance.release.id === release && instance.isServing(agenda.nowMs));
        this.serving.ended(ending, {
          isRouted: isServed && this.disk.table !== null,
          isServing,
          release,
          drainMs: exchange?.instance?.release.run.drainTimeoutMs ?? 0,
        });
        this.traffic.ended(exchange, request.visitor.id, ending);
      },
    };
  }
}

export function hostOf(service: string): string {
  return `${service}.example.com`;
}

export function releaseIdOf(service: string, commit: string): ReleaseId {
  return `${service}-${commit.slice(0, 8)}`;
}

function brokenBuild(commit: string): BelayError {
  return new BelayError({
    code: "BELAY_RELEASE_BUILD_FAILED",
    message: `the build of ${commit} failed`,
    next: "Mend the build.",
  });
}
