import assert from "node:assert/strict";
import { test } from "node:test";
import { entryOf } from "../control/control-loop.ts";
import { Deployments } from "../control/deployments.ts";
import { loopActor } from "../control/journal.ts";
import { workersOf } from "../rollout/background.ts";
import { evidence, plan } from "../rollout/rollout.builder.ts";
import type { Plan } from "../rollout/rollout.ts";
import type { Service } from "../rollout/service.ts";
import { openAttempt } from "../rollout/task.ts";
import type { Choice } from "../routing/in-flight.ts";
import { emptyTable, type RoutingTable } from "../routing/table.ts";
import type { TaskSpec } from "../runtimes/task-runner.ts";
import { LedgerChecker } from "./ledger-checker.ts";
import type { Behaviour } from "./releases.ts";
import { RoutingChecker } from "./routing-checker.ts";
import { runStory } from "./run.ts";
import { demoPlan, demoStory } from "./scenario.ts";
import { type Story, settledMs } from "./story.ts";
import type { CheckerName } from "./violation.ts";
import type { SimWorker } from "./worker.ts";
import type { World } from "./world.ts";

/** A time at which the demo's canary is at its first step. */
const exposedMs = settledMs + 3_000;

/** Plays the demo with something planted; returns the checker that found it. */
async function plant(
  action: (world: World) => void,
  own: { readonly behaviour?: Behaviour; readonly story?: Partial<Story> } = {},
): Promise<CheckerName | null> {
  const story = { ...demoStory(5, own.behaviour ?? { kind: "good" }), ...own.story };
  const { violation } = await runStory(story, { prepare: action });
  return violation?.checker ?? null;
}

function withShadow(plan: Plan): Plan {
  return { ...plan, steps: [{ weight: 0, minHoldMs: 1_000, shadow: 10_000 }, ...plan.steps] };
}

function at(world: World, atMs: number, action: () => void): void {
  world.agenda.at(atMs, action);
}

function eachWorker(world: World, action: (worker: SimWorker) => void): void {
  for (const worker of world.workers) action(worker);
}

/** Every worker's choices from now on, changed. */
function changeChoices(world: World, change: (choice: Choice) => Choice): void {
  eachWorker(world, ({ state }) => {
    const choose = state.choose.bind(state);
    state.choose = (request) => {
      const choice = choose(request);
      return choice === null ? null : change(choice);
    };
  });
}

function canaryOf(choice: Choice): Choice {
  const { exposure, stable } = choice.service;
  return exposure === null ? choice : { ...choice, arm: "canary", pool: exposure.canary, fallback: stable };
}

function stableInstances(world: World): ReturnType<World["runtime"]["all"]> {
  const stable = world.ledger.services[0]?.stable;
  return world.runtime.all().filter(({ release }) => release.id === stable);
}

/** Something planted while the demo's release waits for its task, which is told of. */
function plantTask(action: (world: World, task: TaskSpec) => void): Promise<CheckerName | null> {
  const story = demoStory(5, { kind: "good" });
  const deploys = story.deploys.map((deploy) => ({ ...deploy, release: { ...deploy.release, task: { runsMs: 900, code: 0 } } }));
  const look = (world: World) => {
    const service = world.ledger.services[0];
    const open = service === undefined ? null : openAttempt(service);
    const release = service?.releases[open?.release ?? ""];
    if (open === null || release === undefined) throw new Error("no task runs");
    action(world, { id: "another", kind: "task", name: open.task, release, command: "sim" });
  };
  return plant((world) => at(world, settledMs + 1_000, () => look(world)), { story: { deploys } });
}

/** A violation of each kind, planted; each must be found by the checker that it is planted for. */
const planted: Readonly<Record<CheckerName, () => Promise<CheckerName | null>>> = {
  "task-runs-once": () => plantTask((world, task) => void world.runtime.tasks.start(task)),
  "task-before-instance": () => plantTask((world, { release }) => void world.runtime.start(release, 1)),
  "one-worker": () => {
    const story = demoStory(5, { kind: "good" });
    const services = story.services.map((service) => ({ ...service, first: { ...service.first, hasWorker: true } }));
    const intrude = (world: World) => {
      const [release] = world.runtime.workers.running();
      const [worker] = workersOf(release?.processes);
      if (release === undefined || worker === undefined) throw new Error("no worker runs");
      void world.runtime.workers.start({ ...release, id: "another" }, worker);
    };
    return plant((world) => at(world, exposedMs, () => intrude(world)), { story: { services } });
  },
  "stopped-instance": () =>
    plant((world) =>
      at(world, exposedMs, () => {
        for (const instance of stableInstances(world)) instance.stopAsked = true;
      }),
    ),
  "unready-instance": () =>
    plant((world) =>
      at(world, exposedMs, () => {
        for (const instance of stableInstances(world))
          Object.defineProperty(instance, "wasEverReady", { get: () => false, set: () => {} });
      }),
    ),
  "weight-in-force": () => plant((world) => at(world, exposedMs, () => changeChoices(world, canaryOf))),
  "share-of-visitors": async () => {
    const found: CheckerName[] = [];
    const checker = new RoutingChecker({
      complain: (name) => found.push(name),
      ledger: { weightAt: () => 500, isSpared: () => false, position: 9 },
    });
    const worker = { name: "w", boot: "b", grantedAtMs: 0, state: { table: emptyTable, brakes: () => [] } };
    const choice = { arm: "canary", weight: 500, rollout: "r", unit: "u" } as Choice;
    for (let visitor = 0; visitor < 50; visitor += 1) checker.chosen(worker, choice, String(visitor), 0);
    checker.atEnd();
    return found[0] ?? null;
  },
  "keeps-its-side": () =>
    plant((world) => {
      let count = 0;
      const flip = (choice: Choice): Choice => {
        count += 1;
        return choice.arm === "canary" && choice.fallback !== null && count % 2 === 0
          ? { ...choice, arm: "stable", pool: choice.fallback, fallback: null }
          : choice;
      };
      at(world, exposedMs, () => changeChoices(world, flip));
    }),
  "epoch-goes-back": () =>
    plant((world) =>
      at(world, exposedMs, () =>
        eachWorker(world, (worker) => {
          const old: RoutingTable = { ...worker.state.table, epoch: worker.state.table.epoch - 1 };
          worker.state.acceptTable = () => true;
          Object.defineProperty(worker.state, "table", { get: () => old });
          worker.receive({ kind: "table", table: old });
        }),
      ),
    ),
  "recorded-before-acted": () =>
    plant((world) =>
      at(world, exposedMs, () =>
        eachWorker(world, (worker) => worker.receive({ kind: "table", table: { ...worker.state.table, epoch: 10_000 } })),
      ),
    ),
  "terminal-phase": async () => {
    const { world } = await runStory(demoStory(5, { kind: "dead" }));
    const found: CheckerName[] = [];
    class Forgetful extends Deployments {
      /** Takes the last rollout for one that was promoted, as soon as it has ended. */
      override find(environment: string, service: string): Service | undefined {
        const present = super.find(environment, service);
        if (present?.rollout?.phase.name !== "aborted") return present;
        this.#looks += 1;
        const phase = { ...present.rollout.phase, reason: `reason ${this.#looks}` };
        return { ...present, rollout: { ...present.rollout, phase } };
      }
      #looks = 0;
    }
    const checker = new LedgerChecker({
      complain: (name) => found.push(name),
      behaviourOf: () => undefined,
      deployments: new Forgetful(),
    });
    checker.catchUp(world.disk.ledger.rows);
    return found[0] ?? null;
  },
  "replay-equals-live": () =>
    plant((world) =>
      at(world, exposedMs, () => {
        const fact = { kind: "instance-lost", instance: "shop", release: "shop", isGone: false, reason: "" } as const;
        const entry = {
          environment: "production",
          service: "other",
          rollout: "",
          actor: loopActor,
          position: 999,
          version: 1,
          at: "",
          fact,
        } as const;
        world.control?.loop.journal.deployments.apply(entry);
      }),
    ),
  "one-rollout": () =>
    plant((world) =>
      at(world, exposedMs, () => {
        const fact = {
          kind: "rollout-requested",
          rolloutKind: "deploy",
          commit: "c",
          root: "",
          isDirty: false,
          plan,
          forecast: "",
        } as const;
        world.control?.loop.submit([entryOf({ environment: "production", service: "shop", id: "shop-again" }, loopActor, fact)]);
      }),
    ),
  "lease-ran-out": () =>
    plant(
      (world) => {
        const renew = (): void => {
          eachWorker(world, ({ state }) => state.renewLease(state.table.epoch, demoPlan.leaseTtlMs, world.agenda.nowMs));
          world.agenda.after(1_000, renew);
        };
        at(world, exposedMs, renew);
      },
      {
        story: {
          faults: [{ kind: "control-crash", atMs: exposedMs, afterActions: 0, forMs: null, diesAgainBefore: null }],
          untilMs: exposedMs + 20_000,
        },
      },
    ),
  "shadow-serves-nobody": () =>
    plant(
      (world) =>
        at(world, settledMs - 500, () => {
          changeChoices(world, (choice) => ({ ...choice, pool: choice.service.shadow?.pool ?? choice.pool }));
          eachWorker(world, ({ state }) => {
            state.maySend = () => true;
          });
        }),
      {
        story: {
          deploys: demoStory(5, { kind: "good" }).deploys.map((deploy) => ({ ...deploy, plan: withShadow(deploy.plan) })),
        },
      },
    ),
  "spared-canary": () =>
    plant(
      (world) => {
        let canary: Choice | null = null;
        const remember = (choice: Choice): Choice => {
          if (choice.arm === "canary" && choice.fallback !== null) canary ??= choice;
          return canary !== null && choice.service.exposure === null ? { ...choice, pool: canary.pool } : choice;
        };
        at(world, settledMs - 500, () => {
          changeChoices(world, remember);
          eachWorker(world, ({ state }) => {
            state.maySend = () => true;
          });
          // Its instances would end before anybody comes.
          world.runtime.stop = async () => {};
        });
      },
      { behaviour: { kind: "dead" }, story: { untilMs: settledMs + 10_000 } },
    ),
  "ends-or-waits": () => plant(() => {}, { story: { phaseMsMax: 1_000 } }),
  "aborts-by-itself": () =>
    plant(
      (world) =>
        at(world, exposedMs - 500, () => {
          world.isKeeperSilent = true;
        }),
      { story: { commands: [{ atMs: exposedMs, service: "shop", verb: "abort" }] } },
    ),
  "stable-serves": () =>
    plant((world) =>
      at(world, exposedMs, () => {
        const [instance] = stableInstances(world);
        if (instance === undefined) return;
        world.serving.stopAsked({ instance, services: world.ledger.services, tables: [], nowMs: world.agenda.nowMs });
      }),
    ),
  "nobody-notices": () =>
    plant((world) => {
      const stop = (): void => {
        const busy = stableInstances(world).find(({ served }) => served.size > 0);
        if (busy === undefined) world.agenda.after(5, stop);
        else busy.end("stop");
      };
      at(world, exposedMs, stop);
    }),
  "earned-promotion": () =>
    plant((world) =>
      at(world, exposedMs, () => {
        const { control } = world;
        const rollout = control?.loop.journal.deployments.running()[0];
        if (control === null || rollout === undefined) return;
        const fact = { kind: "step-ended", step: 0, why: "passed", evidence, heldMs: 9_000, words: "" } as const;
        control.loop.submit([entryOf(rollout, loopActor, fact)]);
      }),
    ),
  "approved-first": () =>
    plant((world) =>
      at(world, exposedMs, () => {
        const { control } = world;
        const rollout = control?.loop.journal.deployments.running()[0];
        if (control === null || rollout === undefined) return;
        const word = { needs: ["gate-1"], digest: "", plan: "", until: "2099-01-01T00:00:00Z", commits: 0, reason: "" };
        control.loop.submit([entryOf(rollout, rollout.requestedBy, { kind: "approval-given", ...word })]);
      }),
    ),
  "evidence-counts-once": () =>
    plant((world) =>
      at(world, exposedMs, () => {
        const { traffic } = world.control?.loop.evidence ?? {};
        if (traffic !== undefined) traffic.absorb = () => {};
      }),
    ),
  "unwritable-exposes-nobody": () =>
    plant(
      (world) =>
        at(world, exposedMs, () => {
          const { plane, loop } = world.control ?? {};
          if (plane === undefined || loop === undefined) return;
          const renewLease = plane.renewLease.bind(plane);
          plane.renewLease = (epoch) => renewLease(epoch, demoPlan.leaseTtlMs);
          const renew = (): void => {
            plane.renewLease(loop.table.epoch, demoPlan.leaseTtlMs);
            world.agenda.after(1_000, renew);
          };
          renew();
        }),
      { story: { faults: [{ kind: "disk-full", atMs: exposedMs, forMs: 30_000, what: "both" }] } },
    ),
  "no-bug": () =>
    plant((world) =>
      at(world, exposedMs, () => {
        if (world.control !== null) world.control.loop.tick = () => Promise.reject(new Error("planted"));
      }),
    ),
};

for (const [checker, find] of Object.entries(planted)) {
  test(`${checker} finds what is planted for it`, async () => {
    assert.equal(await find(), checker);
  });
}

test("the demo without anything planted breaks nothing", async () => {
  assert.equal(await plant(() => {}), null);
});
