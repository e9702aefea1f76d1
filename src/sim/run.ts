import { exposedStage } from "../rollout/decide.ts";
import { isEnded, type Rollout } from "../rollout/rollout.ts";
import { neededTask, openAttempt } from "../rollout/task.ts";
import { Draw } from "./draw.ts";
import { FaultInjector } from "./fault-injector.ts";
import { approve, command, deploy } from "./people.ts";
import type { DeployStory, Story, Verb } from "./story.ts";
import type { Violation } from "./violation.ts";
import { Visitors } from "./visitors.ts";
import { World } from "./world.ts";

const tickMs = 100;
const compareEveryTicks = 10;
/** From the last visitor to the last look, and from the last answer: what has ended was reported by then. */
const closingMs = 2_500;
const reportedMs = 500;
const calmBeforeEndMs = 1_500;
const phasesMax = 8;
const retryMs = 500;

export interface RunOptions {
  /** The first control plane dies before this action, counted from 0. */
  readonly diesBefore?: number;
  /** How long it is gone then; null is for good. */
  readonly backAfterMs?: number | null;
  /** Called before anything happens. */
  prepare?(world: World): void;
}

export interface RunResult {
  readonly story: Story;
  readonly violation: Violation | null;
  readonly endedAtMs: number;
  /** Differs as soon as anything that visitors or the ledger saw does. */
  readonly digest: string;
  readonly world: World;
}

/** Plays a story to its end, or to the first thing that must not be. The same story is played the same way, to the bit. */
export async function runStory(story: Story, options: RunOptions = {}): Promise<RunResult> {
  const run = new Run(story, options);
  return run.play();
}

class Run {
  readonly #story: Story;
  readonly #world: World;
  readonly #faults: FaultInjector;
  readonly #visitors: Visitors[] = [];
  readonly #patience: Verb[];
  #ticks = 0;
  #waitingSince = new Map<string, number>();
  #awaitingSince = new Map<string, number>();
  #askedUntilMs = 0;
  #closesAtMs: number | null = null;
  #isOver = false;

  constructor(story: Story, options: RunOptions) {
    this.#story = story;
    this.#world = new World(story, options);
    this.#patience = [...story.patience];
    options.prepare?.(this.#world);
    const { backAfterMs = 200 } = options;
    this.#world.onControlDeath = () => {
      if (backAfterMs !== null) this.#world.agenda.after(backAfterMs, () => this.#world.startControl());
    };
    this.#faults = new FaultInjector(this.#world, story.faults);
  }

  async play(): Promise<RunResult> {
    const { agenda } = this.#world;
    this.#begin();
    while (!this.#isOver && this.#world.violation === null && this.#runNext()) await this.#world.settle();
    const { violation, traffic, disk } = this.#world;
    const digest = `${traffic.digest.toString(16)}-${traffic.requests}-${disk.ledger.rows.at(-1)?.hash.slice(0, 16) ?? ""}`;
    return { story: this.#story, violation, endedAtMs: agenda.nowMs, digest, world: this.#world };
  }

  /** What the production code throws into a simulated socket's callback would have crashed the process. */
  #runNext(): boolean {
    try {
      return this.#world.agenda.runNext();
    } catch (cause) {
      this.#world.bug(cause);
      return false;
    }
  }

  #begin(): void {
    const world = this.#world;
    world.routing.mayDiffer = this.#story.faults.length > 0;
    for (const place of world.places) world.startWorker(place);
    world.startControl();
    for (const { name, first, plan, visitorsPerSecond, pages } of this.#story.services) {
      this.#deployAt({ atMs: 0, service: name, release: first, isSuperseding: false, plan });
      const draw = new Draw(this.#story.seed, `visitors of ${name}`);
      const ask = (request: Parameters<World["ask"]>[1]): void => world.ask(name, request);
      this.#visitors.push(new Visitors({ agenda: world.agenda, draw, perSecond: visitorsPerSecond, pages, ask }));
    }
    world.agenda.at(1_500, () => {
      for (const visitors of this.#visitors) visitors.begin();
    });
    for (const story of this.#story.deploys) this.#deployAt(story);
    for (const { atMs, service, verb } of this.#story.commands) {
      world.agenda.at(atMs, () => this.#command(service, verb));
    }
    world.agenda.after(tickMs, () => this.#tick());
  }

  /** People try again while nobody answers. */
  #deployAt(story: DeployStory): void {
    const { agenda, clock } = this.#world;
    const commit = this.#world.commitOf(story.service, story.release);
    const random = new Draw(this.#story.seed, `deploy ${commit}`).random;
    this.#askedUntilMs = Math.max(this.#askedUntilMs, story.atMs);
    const attempt = (triesLeft: number): void => {
      const { control } = this.#world;
      if (control !== null && deploy(control, { story, commit, clock, random })) return;
      if (triesLeft === 0) return;
      this.#askedUntilMs = Math.max(this.#askedUntilMs, agenda.nowMs + 1_100);
      agenda.after(1_000, () => attempt(triesLeft - 1));
    };
    agenda.at(story.atMs, () => attempt(10));
  }

  /** Without an answer, people ask again, unless the ledger shows that something was written down. */
  #command(service: string, verb: Verb): void {
    const { control, agenda, disk } = this.#world;
    const rowsBefore = disk.ledger.rows.length;
    const again = (): void => agenda.after(retryMs, () => this.#command(service, verb));
    if (control === null) {
      if (agenda.nowMs < this.#faults.calmFromMs || this.#story.faults.length === 0) again();
      return;
    }
    this.#world.hasMicrotasks();
    command(control, service, verb).then(
      (isAnswered) => {
        if (!isAnswered && disk.ledger.rows.length === rowsBefore) again();
      },
      (cause: unknown) => this.#world.bug(cause),
    );
  }

  #tick(): void {
    const world = this.#world;
    const { agenda, ledger, disk } = world;
    this.#ticks += 1;
    ledger.catchUp(disk.ledger.rows);
    const live = world.control?.loop.journal;
    if (live !== undefined && this.#ticks % compareEveryTicks === 0) ledger.compare(live.deployments);
    const isCalm = agenda.nowMs >= this.#faults.calmFromMs && world.control !== null;
    const rollouts = ledger.services.map(({ rollout }) => rollout).filter((rollout) => rollout !== null);
    if (isCalm) {
      const calmSinceMs = this.#faults.calmFromMs;
      const moving = rollouts.filter((rollout) => !this.#isWaiting(rollout));
      world.serving.tick({ rollouts: moving, calmSinceMs, nowMs: agenda.nowMs, boundMs: this.#story.phaseMsMax });
      this.#helpWaiting(rollouts);
    }
    this.#approveAwaited(rollouts);
    this.#endWhenDone(rollouts, isCalm);
    if (!this.#isOver) agenda.after(tickMs, () => this.#tick());
  }

  /** A person comes to a rollout that has waited for a second. */
  #helpWaiting(rollouts: readonly Rollout[]): void {
    const { nowMs } = this.#world.agenda;
    for (const rollout of rollouts) {
      if (!this.#isWaiting(rollout)) this.#waitingSince.delete(rollout.id);
      else if (nowMs - this.#waitingSince.getOrInsert(rollout.id, nowMs) >= 1_000) {
        this.#waitingSince.delete(rollout.id);
        const verb = this.#patience.shift();
        if (verb !== undefined) this.#command(rollout.service, verb);
      }
    }
  }

  /** Whoever approves comes while things are at fault, too, and again until it is recorded. */
  #approveAwaited(rollouts: readonly Rollout[]): void {
    const { approvesAfterMs } = this.#story;
    const { control, agenda } = this.#world;
    for (const rollout of rollouts) {
      if (!isAwaiting(rollout)) this.#awaitingSince.delete(rollout.id);
      else if (approvesAfterMs !== null && control !== null) {
        const sinceMs = this.#awaitingSince.getOrInsert(rollout.id, agenda.nowMs);
        if (agenda.nowMs - sinceMs < approvesAfterMs) continue;
        this.#awaitingSince.set(rollout.id, agenda.nowMs + retryMs - approvesAfterMs);
        this.#world.hasMicrotasks();
        approve(control, rollout.id).catch((cause: unknown) => this.#world.bug(cause));
      }
    }
  }

  #endWhenDone(rollouts: readonly Rollout[], isCalm: boolean): void {
    const { nowMs } = this.#world.agenda;
    const endsByMs = this.#story.untilMs + phasesMax * this.#story.phaseMsMax;
    if (nowMs > endsByMs) this.#world.complain("ends-or-waits", `the run has not come to its end after ${endsByMs} ms`);
    if (this.#closesAtMs !== null) {
      // Now and then an answer takes longer than all others, and a slow release makes it slower.
      if (this.#world.workers.some(({ isBusy }) => isBusy)) this.#closesAtMs = Math.max(this.#closesAtMs, nowMs + reportedMs);
      if (nowMs >= this.#closesAtMs) this.#close();
      return;
    }
    // A control plane that never comes back ends nothing; the story says how long to watch.
    if (this.#faults.calmFromMs === Number.POSITIVE_INFINITY && nowMs >= this.#story.untilMs) this.#isOver = true;
    const mayEnd = nowMs >= Math.max(this.#story.untilMs, this.#askedUntilMs + 200, this.#faults.calmFromMs + calmBeforeEndMs);
    const lastCommandMs = this.#story.commands.at(-1)?.atMs ?? 0;
    if (!mayEnd || !isCalm || nowMs < lastCommandMs) return;
    const isLeft = (rollout: Rollout) => !isAwaiting(rollout) || this.#story.approvesAfterMs === null;
    const isDone = rollouts.every(
      (rollout) => isEnded(rollout) || (this.#isWaiting(rollout) && this.#patience.length === 0 && isLeft(rollout)),
    );
    if (!isDone) return;
    for (const visitors of this.#visitors) visitors.end();
    this.#closesAtMs = nowMs + closingMs;
  }

  #close(): void {
    this.#isOver = true;
    const { ledger, disk, routing, control, traffic } = this.#world;
    routing.atEnd();
    if (control !== null) this.#world.workerChecker.atEnd(ledger.services, this.#world.runtime.workers.running());
    ledger.replay(disk.ledger.rows);
    if (control === null) return;
    for (const { rollout } of ledger.services) {
      if (rollout === null) continue;
      const book = control.loop.evidence;
      traffic.compare(rollout.id, {
        traffic: book.traffic.rollout(rollout.id),
        evidence: book.find(rollout.id)?.summary() ?? null,
      });
    }
  }

  #asksAboutTask({ id }: Rollout): boolean {
    const service = this.#world.ledger.services.find(({ rollout }) => rollout?.id === id);
    return service !== undefined && neededTask(service) !== null && openAttempt(service)?.state === "unknown";
  }

  /** For a person, or for the end of an outage that both sides share. */
  #isWaiting(rollout: Rollout): boolean {
    if (rollout.phase.name === "held" || rollout.phase.name === "paused" || isAwaiting(rollout)) return true;
    if (rollout.phase.name === "pending" && this.#asksAboutTask(rollout)) return true;
    const stage = exposedStage(rollout);
    const watch = this.#world.control?.loop.evidence.find(rollout.id);
    return stage !== null && watch?.verdict(stage).kind === "shared-outage";
  }
}

/** It waits for somebody else's word, and has it not. A word that has come shows in the next fact. */
function isAwaiting(rollout: Rollout): boolean {
  const isUnderWay = rollout.phase.name === "pending" || rollout.phase.name === "progressing";
  return isUnderWay && rollout.supervision.awaiting !== null;
}
