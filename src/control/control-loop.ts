import { exposedStage } from "../rollout/decide.ts";
import { desiredWeight, watchedPromotion } from "../rollout/desired.ts";
import type { Fact, NewEntry, RolloutFact } from "../rollout/entry.ts";
import { type Actor, isEnded, type Rollout, type RolloutId } from "../rollout/rollout.ts";
import type { Service } from "../rollout/service.ts";
import { shadowOf } from "../rollout/shadow.ts";
import { emptyTable, type RoutingTable } from "../routing/table.ts";
import { AfterPromotion } from "./after-promotion.ts";
import { Background } from "./background.ts";
import { Builds } from "./builds.ts";
import { checkBuilt, revisionOf } from "./built-release.ts";
import { recordDirectRollbacks } from "./direct-rollbacks.ts";
import { EvidenceBook, momentOf, type Wanted } from "./evidence-book.ts";
import { Fleet } from "./fleet.ts";
import { InstanceKeeper } from "./instance-keeper.ts";
import { Journal, loopActor, systemEntry } from "./journal.ts";
import { judge } from "./judge.ts";
import { KpiEvents } from "./kpi-events.ts";
import { PhaseTimes } from "./phase-times.ts";
import type { RolloutWatch } from "./rollout-watch.ts";
import { nextTable } from "./routing-table.ts";
import { SourcePoller } from "./source-poller.ts";
import { attestationDue, refuseUnstaged, stagedOf } from "./staging.ts";
import { StagingChecks } from "./staging-checks.ts";
import { overdueReview } from "./supervision-views.ts";
import { TaskKeeper } from "./task-keeper.ts";
import { waitsForWindow } from "./windows.ts";
import { WorkerNumbers } from "./worker-numbers.ts";
import type { World } from "./world.ts";

const renewLeaseEveryMs = 1_000;
/** A full book takes some ten milliseconds, in which nothing else happens: then less often, so that it is a twentieth of the time at most. */
const checkpoint = { everyMs: 1_000, atTheLatestMs: 3_000, restTimes: 20 } as const;
const recoverEveryMs = 1_000;
/** Facts may follow from facts; more rounds than this in one look would be a bug. */
const roundsMax = 16;

/**
 * Observe, transition, compare with what is desired, act on the difference, append what happened, repeat.
 *
 * `react` looks at the evidence and the proxies and is synchronous: from a report that decides to the table that answers it
 * nothing is awaited. `tick` also looks at instances. Both may be called at any time and any number of times: they act on
 * differences, never on a list of effects.
 */
export class ControlLoop {
  readonly journal: Journal;
  readonly evidence: EvidenceBook;
  readonly events: KpiEvents;
  readonly instances: InstanceKeeper;
  readonly background: Background;
  readonly tasks: TaskKeeper;
  readonly workerNumbers: WorkerNumbers = new WorkerNumbers();
  #world: World;
  #fleet: Fleet;
  #builds: Builds;
  #stagingChecks: StagingChecks;
  #afterPromotion: AfterPromotion;
  #sources: SourcePoller;
  #table: RoutingTable;
  #leaseRenewedAtMs = Number.NEGATIVE_INFINITY;
  #checkpointDueAtMs = Number.NEGATIVE_INFINITY;
  #recoveryTriedAtMs = Number.NEGATIVE_INFINITY;
  #isTableKept = true;
  #isPublished = false;
  /** What `begin` has to say before anything may be exposed; kept while the ledger cannot be written. */
  #unrecordedBegin: readonly NewEntry[] = [];
  /** When the present phase was entered, by rollout; unknown after a restart, then counted from there. */
  #phases = new PhaseTimes();
  #isReacting = false;
  #isClosed = false;

  constructor(world: World) {
    this.#world = world;
    this.journal = new Journal(world);
    this.evidence = EvidenceBook.restore(world.evidence.load(), momentOf(world), world.log);
    this.evidence.traffic.budgets.load(world.budgets, world.clock.monotonicMs(), world.log);
    this.events = new KpiEvents({ evidence: this.evidence, deployments: this.journal.deployments });
    this.instances = new InstanceKeeper(world);
    this.background = new Background(world);
    this.tasks = new TaskKeeper(world);
    this.#fleet = new Fleet(world);
    this.#builds = new Builds({ build: world.build, log: world.log, onEnd: () => this.react() });
    this.#stagingChecks = new StagingChecks({ world, onEnd: () => this.react() });
    this.#afterPromotion = new AfterPromotion(world);
    this.#sources = new SourcePoller(world, this.evidence, () => this.react());
    this.#table = world.tables.load() ?? emptyTable;
    this.#beginWatches();
    world.dataPlane.onReport((report) => {
      this.workerNumbers.absorb(report);
      this.evidence.absorb(report, world.clock.monotonicMs(), this.#wanted);
      this.react();
    });
    world.dataPlane.onChange(() => this.react());
  }

  get table(): RoutingTable {
    return this.#table;
  }

  /** Before the first report, whatever else is in trouble: a record without a watch would be dropped, and its worker told to forget it. */
  #beginWatches(): void {
    const nowMs = this.#world.clock.monotonicMs();
    const promotions = this.journal.deployments.all().map(watchedPromotion);
    for (const rollout of [...this.journal.deployments.running(), ...promotions]) {
      if (rollout !== null && rollout.candidate !== null) this.evidence.watch(rollout.id, rollout.plan, nowMs);
    }
  }

  /**
   * Begins this control plane's life: what is recorded of it, and which canaries lost their lease while nobody was there to
   * renew it; only then the workers get a table. Called once, before anything else.
   */
  begin(options: { readonly boot: string; readonly program: string }): void {
    this.#unrecordedBegin = [
      systemEntry({ kind: "control-started", ...options, isolation: "none" }),
      ...this.#leasesThatRanOut(),
      ...recordDirectRollbacks(this.#table, (environment, name) => this.journal.deployments.find(environment, name), this.#world),
    ];
    this.react();
  }

  /** A worker that was restarted meanwhile cannot know that a lease ran out, so the control plane's own absence counts as well. */
  #leasesThatRanOut(): readonly NewEntry[] {
    return this.journal.deployments.running().flatMap((rollout) => {
      if (exposedStage(rollout) === null || this.evidence.awayMs <= rollout.plan.leaseTtlMs) return [];
      const { exposureEpoch } = rollout;
      return [entryOf(rollout, loopActor, { kind: "braked", by: "lease", worker: "control plane", exposureEpoch })];
    });
  }

  /** A person's entries. Throws when they cannot be written down; what follows from them has happened when this returns. */
  submit(entries: readonly NewEntry[]): void {
    this.journal.appendOrThrow(entries);
    this.react();
  }

  /** What the build of a rollout, or the checks of its running candidate, are at, in words; empty when none runs. */
  workWords(rollout: Rollout): string {
    return this.#builds.doing(rollout.id) || this.#stagingChecks.doing(rollout.id);
  }

  async tick(): Promise<void> {
    await this.#fleet.look(this.#table);
    const [observed] = await Promise.all([
      this.instances.observe(),
      this.tasks.observe(),
      this.background.observe(this.journal.deployments.all()),
    ]);
    if (observed !== null) this.#append(this.instances.differences(this.journal.deployments.all()));
    if (this.journal.trouble === null) this.#append(this.tasks.differences(this.journal.deployments.all()));
    this.react();
    if (this.journal.trouble === null) {
      this.tasks.reconcile(this.journal.deployments.all());
      this.instances.reconcile(this.journal.deployments.all(), {
        trafficOf: (service, release) => this.#fleet.trafficOf(this.#table, service, release),
        record: (entries) => this.#append(entries),
      });
      this.background.reconcile(this.journal.deployments.all(), {
        record: (entries) => !this.#isClosed && this.#append(entries),
        current: ({ environment, name }) => this.journal.deployments.find(environment, name),
      });
    }
  }

  /** Ends what would keep the process alive. Nothing is looked at any more; everything is found again by the next control plane. */
  close(): void {
    this.#isClosed = true;
    this.#builds.keepOnly(new Set());
    this.#stagingChecks.keepOnly([]);
    this.#sources.close();
  }

  react(): void {
    if (this.#isReacting || this.#isClosed) return;
    this.#isReacting = true;
    try {
      this.#react();
      this.#checkpoint();
    } finally {
      this.#isReacting = false;
    }
  }

  #react(): void {
    if (!this.#recoverFromTrouble() || !this.#append(this.#unrecordedBegin)) return;
    this.#unrecordedBegin = [];
    for (let round = 0; round < roundsMax; round += 1) {
      // Before the table is sent and kept: what that costs is a part of how long a change takes.
      this.#phases.note(this.journal.deployments.running(), this.#world.clock.monotonicMs());
      this.#publish();
      const entries = this.#nextEntries();
      if (entries.length === 0) break;
      if (!this.#append(entries)) return;
    }
    this.#renewLease();
    this.#sources.ask(this.journal.deployments.running());
  }

  /** While nothing can be written down, no canary has traffic: that is acted on first and recorded when it can be. */
  #recoverFromTrouble(): boolean {
    if (this.journal.trouble === null) return true;
    this.#world.dataPlane.renewLease(this.#table.epoch, 0);
    const nowMs = this.#world.clock.monotonicMs();
    if (nowMs - this.#recoveryTriedAtMs < recoverEveryMs) return false;
    this.#recoveryTriedAtMs = nowMs;
    if (!this.#keepTable() || !this.#keepEvidence() || !this.journal.tryRecover()) return false;
    this.#world.log.info("the ledger can be written again");
    return true;
  }

  #append(entries: readonly NewEntry[]): boolean {
    if (entries.length === 0) return true;
    if (this.journal.append(entries)) return true;
    this.#world.log.error("the ledger cannot be written: all weights go to 0", { cause: this.journal.trouble });
    this.#world.dataPlane.renewLease(this.#table.epoch, 0);
    return false;
  }

  #nextEntries(): readonly NewEntry[] {
    const entries: NewEntry[] = [];
    const building = new Set<string>();
    for (const service of this.journal.deployments.all()) {
      const { rollout } = service;
      if (rollout === null) continue;
      if (rollout.phase.name === "pending" && rollout.candidate === null) building.add(rollout.id);
      // One release at a time: the next one that was built is checked against what this one takes.
      if (entries.every(({ fact }) => fact.kind !== "release-built")) entries.push(...this.#entriesFor(service, rollout));
    }
    this.#builds.keepOnly(building);
    this.#stagingChecks.keepOnly(this.journal.deployments.running());
    return entries;
  }

  #entriesFor(service: Service, rollout: Rollout): readonly NewEntry[] {
    const overdue = overdueReview(service, this.#world);
    if (overdue !== null) return [overdue];
    if (isEnded(rollout)) return this.#entriesAfterPromotion(service);
    const facts = this.#factsFor(service, rollout);
    return facts.map((fact) => entryOf(rollout, loopActor, fact));
  }

  #factsFor(service: Service, rollout: Rollout): readonly Fact[] {
    if (rollout.phase.name === "pending" && rollout.candidate === null) return this.#factsBeforeRelease(service, rollout);
    const fact = this.#factFor(service, rollout);
    if (fact === null || waitsForWindow(rollout, fact, this.#world.clock.now())) return [];
    return this.#stagingChecks.factsFor(fact, service, rollout);
  }

  #entriesAfterPromotion(service: Service): readonly NewEntry[] {
    const promotion = watchedPromotion(service);
    const watch = promotion === null ? null : this.#watchOf(service, promotion);
    const stableDownForMs = this.instances.downForMs(service, service.stable);
    const stableCrashLoop = this.background.workers.crashLoopOf(service, service.stable);
    const attestation = attestationDue(service);
    if (attestation !== null) return [attestation];
    return this.#afterPromotion.entriesFor({ service, promotion, watch, stableDownForMs, stableCrashLoop });
  }

  #factFor(service: Service, rollout: Rollout): Fact | null {
    const { clock } = this.#world;
    const watch = this.#watchOf(service, rollout);
    if (rollout.phase.name === "promoting" || rollout.phase.name === "aborting") {
      if (!this.#fleet.serves(this.#table)) return null;
      const evidence = rollout.exposureEpoch === 0 ? null : (watch?.summary() ?? null);
      const tookMs = Math.round(this.#phases.forMs(rollout, clock.monotonicMs()) * 10) / 10;
      return { kind: "routing-acknowledged", epoch: this.#table.epoch, tookMs, evidence };
    }
    if (watch === null) return null;
    return judge({
      service,
      rollout,
      watch,
      candidates: this.instances.of(service, rollout.candidate),
      shadows: this.instances.of(service, rollout.candidate === null ? null : shadowOf(rollout.candidate)),
      brakes: this.#fleet.brakesOf(rollout),
      brakedForMs: this.#phases.forMs(rollout, clock.monotonicMs()),
      candidateDownForMs: this.instances.downForMs(service, rollout.candidate),
      candidateUnreadyForMs: this.instances.unreadyForMs(service, rollout.candidate),
      candidateCrashLoop: this.background.workers.crashLoopOf(service, rollout.candidate),
      nowMs: clock.monotonicMs(),
      now: clock.now(),
    });
  }

  /** Nothing of it runs here before the environment before has passed it; what is built there is not built again. */
  #factsBeforeRelease(service: Service, rollout: Rollout): readonly RolloutFact[] {
    const all = this.journal.deployments.all();
    const revision = revisionOf(service, rollout);
    const staged = revision === null ? stagedOf(rollout, this.journal.deployments) : null;
    if (staged !== null && staged.state !== "passed") {
      const refusal = refuseUnstaged(staged, (staging) => this.instances.downForMs(staging, staging.stable));
      return refusal === null ? [] : [refusal];
    }
    return (this.#builds.resultOf(rollout, { staged, revision }) ?? []).map((fact) => checkBuilt(service, fact, all));
  }

  /** The rollout's evidence, brought up to now; null when it never exposes or is over and done with. */
  #watchOf(service: Service, rollout: Rollout): RolloutWatch | null {
    if (rollout.candidate === null || (isEnded(rollout) && (service.warm === null || rollout.phase.name !== "promoted")))
      return null;
    const nowMs = this.#world.clock.monotonicMs();
    const watch = this.evidence.watch(rollout.id, rollout.plan, nowMs);
    watch.routingChanged({ exposureEpoch: rollout.exposureEpoch, weight: desiredWeight(rollout), nowMs });
    watch.advance({
      nowMs,
      settledUntilMs: this.#fleet.settledUntilMs(nowMs),
      open: this.#fleet.openOnStable(rollout.id, nowMs),
      isServed: exposedStage(rollout) !== null && this.#fleet.serves(this.#table),
      lostRecords: this.evidence.lostRecords(),
      traffic: this.evidence.traffic.rollout(rollout.id),
      instances: [rollout.candidate, rollout.stable].flatMap((release) => this.instances.of(service, release)),
    });
    return watch;
  }

  #publish(): void {
    const table = nextTable(this.#table, this.journal.deployments, this.journal.position);
    if (table === this.#table && this.#isPublished) return;
    this.#isTableKept &&= table === this.#table;
    this.#table = table;
    this.#isPublished = true;
    this.#world.dataPlane.publish(table);
    this.#keepTable();
  }

  #keepTable(): boolean {
    if (this.#isTableKept) return true;
    try {
      this.#world.tables.save(this.#table);
      this.#isTableKept = true;
    } catch (cause) {
      this.journal.reportTrouble(`the routing table could not be kept for a restart: ${messageOf(cause)}`);
    }
    return this.#isTableKept;
  }

  #renewLease(): void {
    const nowMs = this.#world.clock.monotonicMs();
    const exposures = this.#table.services.map((route) => route.exposure).filter((exposure) => exposure !== null);
    if (exposures.length === 0 || nowMs - this.#leaseRenewedAtMs < renewLeaseEveryMs) return;
    this.#leaseRenewedAtMs = nowMs;
    this.#world.dataPlane.renewLease(this.#table.epoch, Math.max(...exposures.map((exposure) => exposure.leaseTtlMs)));
  }

  /** Makes the evidence durable and lets the workers forget what it holds. Not being able to is the same trouble as an unwritable ledger. */
  #checkpoint(): void {
    const nowMs = this.#world.clock.monotonicMs();
    if (nowMs < this.#checkpointDueAtMs || this.#unrecordedBegin.length > 0) return;
    const watched = new Set(this.journal.deployments.all().flatMap(watchedRollouts));
    this.evidence.prune((rollout) => watched.has(rollout), this.#wanted, nowMs);
    // Also without news while a canary has traffic: the time of the last save tells the next control plane how long nobody was there.
    if (this.evidence.isChanged || this.#hasExposure()) this.#keepEvidence();
    const { everyMs, atTheLatestMs, restTimes } = checkpoint;
    const tookMs = this.#world.clock.monotonicMs() - nowMs;
    this.#checkpointDueAtMs = nowMs + Math.min(atTheLatestMs, Math.max(everyMs, restTimes * tookMs));
  }

  readonly #wanted: Wanted = {
    isShown: (rollout) => this.#isShown(rollout),
    isServed: (release) => this.journal.deployments.isServed(release),
  };

  #isShown(rollout: RolloutId): boolean {
    return this.journal.deployments
      .all()
      .some((service) => service.rollout?.id === rollout || watchedPromotion(service)?.id === rollout);
  }

  #hasExposure(): boolean {
    return this.#table.services.some(({ exposure }) => exposure !== null);
  }

  #keepEvidence(): boolean {
    try {
      for (const { worker, boot, sequence } of this.evidence.saveTo(this.#world.evidence, momentOf(this.#world)))
        this.#world.dataPlane.keep(worker, boot, sequence);
      // After the evidence: what is filed is then known there, with how far the reports had been read.
      this.evidence.traffic.budgets.file(this.#world.budgets, this.#world.clock.monotonicMs(), this.#world.log);
      return true;
    } catch (cause) {
      this.journal.reportTrouble(`the evidence could not be written: ${messageOf(cause)}`);
      return false;
    }
  }
}

/** An entry about a rollout. */
export function entryOf(rollout: Pick<Rollout, "environment" | "service" | "id">, actor: Actor, fact: Fact): NewEntry {
  return { environment: rollout.environment, service: rollout.service, rollout: rollout.id, actor, fact };
}

function watchedRollouts(service: Service): readonly RolloutId[] {
  const { rollout } = service;
  const running = rollout === null || isEnded(rollout) ? null : rollout;
  return [running, watchedPromotion(service)].flatMap((watched) => (watched === null ? [] : [watched.id]));
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
