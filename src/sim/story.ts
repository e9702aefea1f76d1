import type { Plan } from "../rollout/rollout.ts";
import { Draw } from "./draw.ts";
import { drawFaults, type Fault } from "./faults.ts";
import type { Behaviour, ReleaseStory } from "./releases.ts";

export interface ServiceStory {
  readonly name: string;
  readonly instances: number;
  readonly visitorsPerSecond: number;
  /** Fewest and most pages of a visit. */
  readonly pages: readonly [number, number];
  readonly plan: Plan;
  readonly drainTimeoutMs: number;
  /** The release that is there before the story begins. */
  readonly first: ReleaseStory;
}

export interface DeployStory {
  readonly atMs: number;
  readonly service: string;
  readonly release: ReleaseStory;
  readonly isSuperseding: boolean;
  readonly plan: Plan;
}

export type Verb = "promote" | "promote-full" | "skip-analysis" | "abort" | "pause" | "resume" | "rollback";

export interface CommandStory {
  readonly atMs: number;
  readonly service: string;
  readonly verb: Verb;
}

/** Everything that happens to a simulated deployment, but for what Belay does about it. */
export interface Story {
  readonly seed: number;
  readonly services: readonly ServiceStory[];
  readonly deploys: readonly DeployStory[];
  readonly commands: readonly CommandStory[];
  readonly faults: readonly Fault[];
  /** What a person does each time a rollout waits for one, in turn; then it is left alone. */
  readonly patience: readonly Verb[];
  /** Somebody else approves whatever waits for it so long after it began to wait; null: nobody ever does. */
  readonly approvesAfterMs: number | null;
  /** The run lasts at least so long. */
  readonly untilMs: number;
  /** While nothing is at fault, no rollout is in one phase, or at one step, for longer than this without waiting for a person. */
  readonly phaseMsMax: number;
}

/** When the first deploys of a story may come: the first releases serve by then. */
export const settledMs = 2_500;

const inconclusive = ["hold", "continue", "rollback"] as const;
const verbs = ["promote", "promote-full", "skip-analysis", "abort", "abort", "pause", "resume", "resume", "rollback"] as const;
const behaviours = [
  "good",
  "good",
  "good",
  "dead",
  "dead",
  "fails",
  "fails-deeper",
  "turns-bad",
  "slow",
  "never-ready",
  "crash-loops",
  "breaks-build",
] as const satisfies readonly Behaviour["kind"][];

export function drawStory(seed: number): Story {
  const draw = new Draw(seed, "story");
  const hasWorker = new Draw(seed, "workers").chance(0.8);
  const names = draw.chance(0.15) ? (["shop", "cart"] as const) : (["shop"] as const);
  const services = names
    .map((name) => drawService(draw, name))
    .map((service) => ({ ...service, first: { ...service.first, hasWorker } }));
  const tasks = new Draw(seed, "tasks");
  const shadows = new Draw(seed, "shadows");
  const approvals = new Draw(seed, "approvals");
  const hasShadow = shadows.chance(0.3);
  const deploys = services
    .flatMap((service) => drawDeploys(draw, service))
    .map((deploy) => drawTask(tasks, deploy))
    .map((deploy) => ({ ...deploy, release: { ...deploy.release, hasWorker } }))
    .map((deploy) => (hasShadow ? drawShadow(shadows, deploy) : deploy))
    .map((deploy) => drawNeeds(approvals, deploy));
  const lastMs = Math.max(...deploys.map(({ atMs }) => atMs)) + 15_000;
  const faults = draw.chance(0.15) ? [] : drawFaults(draw, settledMs + 200, lastMs);
  return {
    seed,
    services,
    deploys,
    commands: draw.chance(0.35) ? drawCommands(draw, names, lastMs) : [],
    faults,
    approvesAfterMs: new Draw(seed, "approver").pick([0, 300, 2_000, 2_000, null]),
    patience: Array.from({ length: draw.int(0, 2) }, () => draw.pick(["abort", "promote", "resume", "skip-analysis"] as const)),
    untilMs: 0,
    phaseMsMax: 40_000,
  };
}

function drawService(draw: Draw, name: string): ServiceStory {
  return {
    name,
    instances: draw.int(1, 3),
    visitorsPerSecond: draw.between(15, 45),
    pages: [1, 3],
    plan: drawPlan(draw),
    drainTimeoutMs: draw.pick([1_000, 3_000]),
    first: {
      behaviour: draw.chance(0.8) ? { kind: "good" } : { kind: "fails", share: 0.003 },
      bootMs: 200,
      leavesAtOnce: draw.chance(0.3),
    },
  };
}

/** Steps of a second, so that a good release is through within half a minute. */
export function drawPlan(draw: Draw): Plan {
  const minHoldMs = draw.pick([0, 1_000]);
  const weights = draw.pick([[500, 2_500, 5_000], [1_000, 5_000], [2_500], [500, 5_000]]);
  return {
    steps: weights.map((weight) => ({ weight, minHoldMs })),
    holdbackWeight: 9_500,
    harm: draw.between(0.05, 0.12),
    maxHoldMs: draw.between(5_000, 15_000),
    onInconclusive: draw.pick(inconclusive),
    scoreWindowMs: draw.between(500, 2_000),
    bakeMs: draw.between(1_000, 4_000),
    keepWarmMs: draw.pick([0, 3_000, 60_000]),
    sloAvailability: draw.pick([0.999, 0.99]),
    responseDeadlineMs: 1_500,
    leaseTtlMs: draw.pick([2_000, 4_000]),
  };
}

function drawDeploys(draw: Draw, service: ServiceStory): readonly DeployStory[] {
  let atMs = settledMs;
  return Array.from({ length: draw.pick([1, 1, 1, 2, 3]) }, (_, index) => {
    atMs += index === 0 ? draw.between(0, 500) : draw.between(2_000, 20_000);
    const plan = { ...service.plan, onInconclusive: draw.pick(inconclusive) };
    return { atMs, service: service.name, release: drawRelease(draw), isSuperseding: draw.chance(0.5), plan };
  });
}

/** Some releases have a task; it may fail, or take longer than it has. */
function drawTask(draw: Draw, deploy: DeployStory): DeployStory {
  if (draw.chance(0.6)) return deploy;
  const task = { runsMs: draw.pick([0, 150, 600, 5_000]), code: draw.chance(0.15) ? 1 : 0, isKilled: draw.chance(0.15) };
  return { ...deploy, release: { ...deploy.release, task } };
}

/** The rollout begins with copies; what they show takes the release back, holds it, or is put on record. */
function drawShadow(draw: Draw, deploy: DeployStory): DeployStory {
  const { plan, release } = deploy;
  const step = { weight: 0, minHoldMs: draw.pick([0, 1_000]), shadow: draw.pick([2_000, 10_000]) };
  const onFail = draw.pick<Plan["onFail"]>([undefined, { shadow: "rollback" }, { shadow: "notify" }]);
  return {
    ...deploy,
    release: { ...release, answersOtherwise: draw.chance(0.3) },
    plan: { ...plan, steps: [step, ...plan.steps], ...(onFail === undefined ? {} : { onFail }) },
  };
}

/** Of some plans somebody else has to approve the start, of some a gate between the steps, of some both. */
function drawNeeds(draw: Draw, deploy: DeployStory): DeployStory {
  if (draw.chance(0.7)) return deploy;
  const lastsMs = draw.pick([1_000, 60_000]);
  const isGated = draw.chance(0.6);
  // Copies come before everything.
  const first = deploy.plan.steps[0]?.shadow === undefined ? 0 : 1;
  const plan = isGated ? withGate(deploy.plan, draw.int(first, deploy.plan.steps.length), lastsMs) : deploy.plan;
  return { ...deploy, plan: isGated && draw.chance(0.5) ? plan : withApproval(plan, lastsMs) };
}

export function withApproval(plan: Plan, lastsMs: number): Plan {
  return { ...plan, needs: [...(plan.needs ?? []), { id: "environment", kind: "environment", ...asked, lastsMs }] };
}

/** A gate before the step of this index; behind the last one it comes before the bake. */
export function withGate(plan: Plan, step: number, lastsMs: number): Plan {
  const gate = { weight: plan.steps[step - 1]?.weight ?? 0, minHoldMs: 0, gate: "approval" } as const;
  const need = { id: `gate-${step + 1}`, kind: "gate", step, ...asked, lastsMs } as const;
  return { ...plan, steps: plan.steps.toSpliced(step, 0, gate), needs: [...(plan.needs ?? []), need] };
}

const asked = { why: "the story asks for it", people: 1, from: [] } as const;

function drawRelease(draw: Draw): ReleaseStory {
  return { behaviour: drawBehaviour(draw), bootMs: draw.between(50, 900), leavesAtOnce: draw.chance(0.3) };
}

function drawBehaviour(draw: Draw): Behaviour {
  const kind = draw.pick(behaviours);
  switch (kind) {
    case "fails":
      return { kind, share: draw.pick([0.02, 0.1, 0.3, 0.9]) };
    case "fails-deeper":
      return { kind, share: 0.5 };
    case "turns-bad":
      return { kind, afterMs: draw.between(0, 3_000), share: draw.pick([0.3, 1]) };
    case "slow":
      return { kind, delayMs: draw.pick([200, 1_000, 2_000]) };
    case "crash-loops":
      return { kind, everyMs: draw.pick([300, 1_500, 4_000]) };
    default:
      return { kind };
  }
}

function drawCommands(draw: Draw, names: readonly string[], lastMs: number): readonly CommandStory[] {
  return Array.from({ length: draw.int(1, 3) }, () => ({
    atMs: draw.between(settledMs, lastMs),
    service: names[draw.int(0, names.length - 1)] ?? "",
    verb: draw.pick(verbs),
  })).sort((a, b) => a.atMs - b.atMs);
}
