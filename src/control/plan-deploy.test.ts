import assert from "node:assert/strict";
import { test } from "node:test";
import { openConfigs } from "../config/open-configs.ts";
import { createMemoryFiles } from "../config/sealed-files.ts";
import { ManualClock } from "../ports/manual-clock.ts";
import { createSeededRandom } from "../ports/random.ts";
import type { CommitComparison } from "../release/compare-commits.ts";
import type { PinnedPolicy } from "../rollout/pinned-policy.ts";
import { noPrincipals, type Principals } from "../rollout/principal.ts";
import { acknowledged, releaseNamed, Story } from "../rollout/rollout.builder.ts";
import type { Release, Rollout } from "../rollout/rollout.ts";
import type { Service } from "../rollout/service.ts";
import { planDeploy } from "./plan-deploy.ts";
import type { Exceptions } from "./plan-needs.ts";
import type { DeployRequest, MayTouch } from "./requests.ts";
import type { BudgetLeft } from "./slo.ts";

const manifest = `version: 1
service: shop
run: { command: node server.js }
environments:
  production: { routes: [{ host: shop.example.com }] }
rollout: { steps: [{ weight: 5%, minHold: 2s }], harm: 2%, scoreWindow: 3s, maxHold: 5m }
`;

const request = { commit: "a".repeat(40), isDirty: false, root: "", environment: "production", supersede: false };

const now = Temporal.Instant.from("2026-01-05T12:00:00Z");

function plan(options: {
  readonly text?: string;
  readonly services?: readonly Service[];
  readonly perSecond?: number;
  readonly environment?: string;
  readonly revision?: Release;
  /** belay.yml of the release that serves; the same when absent. */
  readonly served?: string;
  readonly comparison?: CommitComparison | null;
  readonly pinned?: readonly PinnedPolicy[];
  readonly principals?: Principals;
  readonly promoted?: readonly Rollout[];
  readonly own?: Partial<DeployRequest>;
  readonly left?: BudgetLeft;
  readonly exceptions?: Exceptions;
  readonly mayTouch?: MayTouch;
  readonly breakGlass?: string;
}) {
  const { text = manifest, services = [new Story().withStable().service], perSecond = 40, environment = "production" } = options;
  const { revision, served, comparison = null, pinned = [], principals = noPrincipals, promoted = [], own = {} } = options;
  const { mayTouch, breakGlass } = options;
  const readFile = async (commit: string, path: string) =>
    path !== "belay.yml" ? undefined : commit === request.commit ? (text === "" ? undefined : text) : (served ?? text);
  const releases = { readFile };
  const history = {
    readFile,
    readBundle: async () => {
      throw new Error("no bundle was uploaded");
    },
    compareCommits: async () => comparison,
  };
  const configs = openConfigs({
    files: createMemoryFiles(createSeededRandom(1)),
    clock: new ManualClock(),
    runCommand: async () => "",
  });
  return planDeploy({
    request: { ...request, environment, ...own, ...options.exceptions, ...(breakGlass === undefined ? {} : { breakGlass }) },
    releases,
    history,
    deployments: { all: () => services, pinned, principals, promotedOf: () => promoted },
    budgetOf: () => ({ left: null, isBurning: false }),
    now,
    configs,
    by: "ann",
    mayCompare: () => true,
    ...(revision === undefined ? {} : { revision }),
    ...(mayTouch === undefined ? {} : { mayTouch }),
    newUnitsPerSecond: () => perSecond,
    budgetLeft: () => options.left ?? { left: 1, isExhausted: false, windowMs: 2_419_200_000, objective: "availability" },
  });
}

async function factOf(options: Parameters<typeof plan>[0]) {
  const { fact } = await plan(options);
  assert.ok(fact.kind === "rollout-requested" && fact.rolloutKind === "deploy");
  return fact;
}

test("with enough visitors the gates are to be passed, and it is said how long they take and what they rule out", async () => {
  const fact = await factOf({ perSecond: 40 });
  assert.equal(fact.plan.onInconclusive, "hold");
  assert.match(
    fact.forecast,
    /^about \d+ min in all; about .* of gates at 40 new visitors a second; rules out more than 2% extra failing visitors$/,
  );
});

test("without visitors the steps go on without evidence, and that is said before the start", async () => {
  const fact = await factOf({ perSecond: 0 });
  assert.equal(fact.plan.onInconclusive, "continue");
  assert.match(fact.forecast, /^the steps go on without statistical evidence; .*cannot pass.*; \d+ min in all at the most$/);
});

test("what the manifest says about an inconclusive end is kept, whatever the traffic", async () => {
  const fact = await factOf({ text: manifest.replace("maxHold: 5m", "maxHold: 5m, onInconclusive: rollback"), perSecond: 0 });
  assert.equal(fact.plan.onInconclusive, "rollback");
  assert.match(fact.forecast, /onInconclusive: rollback/);
});

test("steps that the manifest does not name are planned from the visitors, and named before the start", async () => {
  const text = manifest
    .replace("steps: [{ weight: 5%, minHold: 2s }], ", "")
    .replace("harm: 2%", "harm: 0.2%")
    .replace("5m", "1h");
  const busy = await factOf({ text, perSecond: 100 });
  assert.deepEqual(
    busy.plan.steps.map(({ weight }) => weight),
    [200, 1_000, 2_500, 5_000],
  );
  assert.match(busy.forecast, /steps planned from this traffic: 2%, 10%, 25%, 50%/);
  const quiet = await factOf({ text, perSecond: 0.01 });
  assert.deepEqual(
    quiet.plan.steps.map(({ weight }) => weight),
    [1_000, 5_000],
  );
  assert.match(quiet.forecast, /without statistical evidence/);
});

test("a plan that is given by time says what harm that time and this traffic can rule out", async () => {
  const text = manifest.replace("harm: 2%", "within: 10m, bake: 2m");
  const fact = await factOf({ text, perSecond: 40 });
  assert.ok(fact.plan.harm > 0 && fact.plan.harm < 0.02, `${fact.plan.harm}`);
  assert.match(
    fact.forecast,
    /within 10 min a release that fails [\d.]+% more of your visitors would be caught, and less would not$/,
  );
  const quieter = await factOf({ text, perSecond: 4 });
  assert.ok(quieter.plan.harm > 5 * fact.plan.harm);
  assert.equal("withinMs" in fact.plan, false);
});

test("a service whose evidence is by request is planned from its requests", async () => {
  const fact = await factOf({ text: manifest.replace("harm: 2%", "harm: 2%, evidence: request"), perSecond: 40 });
  assert.equal(fact.plan.evidence, "request");
  assert.match(fact.forecast, /at 40 new requests a second; rules out more than 2% extra failing requests/);
});

test("the first release has nothing to compare with", async () => {
  assert.match((await factOf({ services: [] })).forecast, /nothing to compare with/);
});

test("a commit without a manifest, a broken one, an unknown environment and a taken route are refused by name", async () => {
  await assert.rejects(plan({ text: "" }), { code: "BELAY_MANIFEST_MISSING" });
  await assert.rejects(plan({ text: manifest.replace("service:", "servce:") }), (error: Error & { code: string }) => {
    assert.equal(error.code, "BELAY_MANIFEST_INVALID");
    return /belay\.yml:2:1/.test(error.message);
  });
  await assert.rejects(plan({ environment: "constructor" }), { code: "BELAY_MANIFEST_ENVIRONMENT_UNKNOWN" });
  await assert.rejects(plan({ text: manifest.replace("service: shop", "service: other") }), {
    code: "BELAY_ROUTE_TAKEN",
    message: "shop.example.com/ belongs to shop in production",
  });
});

test("the same service in another environment is another service: it may not take the routes of the first", async () => {
  const text = manifest.replace("production:", "staging:");
  await assert.rejects(plan({ text, environment: "staging" }), {
    code: "BELAY_ROUTE_TAKEN",
    message: "shop.example.com/ belongs to shop in production",
  });
});

test("a cohort in front of no weights is followed by planned ones, and its rules are frozen with the plan", async () => {
  const text = manifest
    .replace("steps: [{ weight: 5%, minHold: 2s }]", "steps: [{ cohort: internal, minHold: 5m }]")
    .replace("rollout:", "cohorts: { internal: [{ network: 10.0.0.0/8 }], unused: [{ network: 10.0.0.0/8 }] }\nrollout:");
  const { plan: frozen, forecast } = await factOf({ text, perSecond: 100 });
  assert.deepEqual(frozen.steps[0], { weight: 0, minHoldMs: 300_000, cohort: "internal" });
  assert.ok(frozen.steps.length > 1 && frozen.steps.slice(1).every(({ weight }) => weight > 0));
  assert.deepEqual(frozen.cohorts, [{ name: "internal", rules: [{ isMember: true, isOpen: false, network: "10.0.0.0/8" }] }]);
  assert.match(forecast, /of gates at 100 new visitors a second/);
});

test("a release of another configuration keeps to the hours as any other", async () => {
  const text = `${manifest}freezes: [{ name: inventory, from: 2000-01-01T00:00:00Z, to: 2099-01-01T00:00:00Z, reason: counting }]\n`;
  const configAlone = await plan({ text, revision: releaseNamed("a1") });
  assert.deepEqual(
    configAlone.fact.plan.calendar?.freezes.map(({ name }) => name),
    ["inventory"],
  );
});

test("a config version is a part of the plan, and a contract that is not kept is refused before anything starts", async () => {
  assert.equal((await factOf({})).config, undefined);
  const text = `${manifest}config: { REGION: { default: eu } }\n`;
  assert.match((await factOf({ text })).config ?? "", /^[0-9a-f]{12}$/);
  await assert.rejects(plan({ text: `${manifest}config: { TOKEN: { secret: true } }\n` }), { code: "BELAY_CONFIG_REFUSED" });
});

test("whoever may not deploy a service learns nothing of its routes and of what it is configured with", async () => {
  const mayTouch: MayTouch = ({ environment, service }) => {
    throw new Error(`not for you: ${service} in ${environment}`);
  };
  const taken = new Story().withStable().service;
  const text = `${manifest.replace("service: shop", "service: cart")}config: { TOKEN: { secret: true } }\n`;
  await assert.rejects(plan({ text, services: [taken], mayTouch }), /not for you: cart in production/);
  await assert.rejects(plan({ text, services: [], mayTouch }), /not for you: cart in production/);
});

test("a broken glass is told where it skips something: in staging, the approvals of staging", async () => {
  const staging = (own: string) =>
    manifest.replace("environments:", `environments:\n  staging: { routes: [{ host: staging.example.com }]${own} }`);
  const asked = await factOf({ text: staging(", approvals: {}"), services: [], environment: "staging", breakGlass: "fire" });
  assert.equal(asked.breakGlass?.reason, "fire");
  assert.deepEqual(asked.breakGlass?.skipped, ["1 approval: staging asks for it"]);
  assert.ok(asked.plan.needs?.every(({ people }) => people === 0));
  const unasked = await factOf({ text: staging(""), services: [], environment: "staging", breakGlass: "fire" });
  assert.equal(unasked.breakGlass, undefined);
});

test("staging comes before production: there a release goes to everyone when it is ready, and it is said what happens first", async () => {
  const text = manifest.replace("environments:", "environments:\n  staging: { routes: [{ host: staging.example.com }] }");
  const staging = await plan({ text, services: [], environment: "staging" });
  assert.equal(staging.after, null);
  assert.equal(staging.fact.attests, true);
  assert.deepEqual(staging.fact.plan.steps, []);
  assert.equal(staging.fact.plan.bakeMs, 0);
  const production = await plan({ text });
  assert.equal(production.after, "staging");
  assert.equal(production.fact.attests, undefined);
  assert.match(production.forecast, /^first the same bundle in staging; then .* of gates/);
  const configAlone = await plan({ text, revision: releaseNamed("a1") });
  assert.deepEqual([configAlone.after, configAlone.fact.revisionOf], [null, "a1"]);
});

const spent: BudgetLeft = { left: -0.32, isExhausted: true, windowMs: 2_419_200_000, objective: "availability" };
const promise = { errorBudget: { windowMs: 2_419_200_000, onExhausted: "hold" } } as const;
const holding = [new Story().request("a1", promise).tell({ kind: "candidate-ready" }, acknowledged).service];
const bob: Principals["tokens"][number] = {
  ...{ id: "t1", name: "bob", role: "approver", until: null, by: "root", madeAt: "2026-01-01T00:00:00Z" },
  scope: { service: null, environment: null },
};

test("a spent budget holds a release that is no fix for a second person, who has to be there", async () => {
  const held = await factOf({ services: holding, left: spent, principals: { tokens: [bob], gitEmails: {} } });
  assert.deepEqual(
    held.plan.needs?.map(({ id, kind, people }) => ({ id, kind, people })),
    [{ id: "budget", kind: "budget", people: 1 }],
  );
  assert.match(held.forecast, /waits for 1 approval: the error budget of 28 days for availability is spent \(132% of it\)/);
  const alone = [
    noPrincipals,
    { tokens: [{ ...bob, name: "ann" }], gitEmails: {} },
    { tokens: [{ ...bob, role: "deployer" as const }], gitEmails: {} },
    { tokens: [{ ...bob, until: "2020-01-01T00:00:00Z" }], gitEmails: {} },
    { tokens: [{ ...bob, scope: { service: "other", environment: null } }], gitEmails: {} },
  ];
  for (const principals of alone)
    await assert.rejects(plan({ services: holding, left: spent, principals }), { code: "BELAY_BUDGET_SPENT" });
});

test("a spent budget lets a fix, a config release and broken glass through, and stops nobody where it only warns", async () => {
  const fix = await factOf({ services: holding, left: spent, exceptions: { fix: "the leak" } });
  assert.equal(fix.fix, "the leak");
  assert.equal(fix.plan.needs, undefined);
  assert.match(fix.forecast, /; the error budget of 28 days for availability is spent/);
  const [stable] = Object.values(holding[0]?.releases ?? {});
  assert.ok(stable !== undefined);
  assert.equal((await factOf({ services: holding, left: spent, revision: stable })).plan.needs, undefined);
  const broken = await factOf({ services: holding, left: spent, exceptions: { breakGlass: "fire" } });
  assert.ok(broken.breakGlass?.skipped.some((words) => /the error budget .* is spent/.test(words)));
  const warned = await factOf({ left: spent });
  assert.equal(warned.plan.needs, undefined);
  assert.match(warned.forecast, /is spent/);
  assert.equal((await factOf({ services: holding, left: { ...spent, isExhausted: false } })).plan.needs, undefined);
});

test("an event that stable does not post yet is not judged, and that is said; a route and a posted event are", async () => {
  const who = "user: a shopper with a basket, outcome: gets it done, of: { per: visitor }";
  const kpis = `kpis:
  checkout: { ${who}, good: { route: POST /orders } }
  paid: { ${who}, good: { event: order-paid } }
`;
  const story = new Story().withStable();
  const namesWith = async (events: readonly string[] | undefined) => {
    const stable = story.service.releases[story.service.stable ?? ""];
    assert.ok(stable !== undefined);
    const releases = { ...story.service.releases, [stable.id]: { ...stable, events } };
    const { plan: frozen, forecast } = await factOf({ text: manifest + kpis, services: [{ ...story.service, releases }] });
    return { names: frozen.kpis?.map(({ name }) => name), forecast };
  };
  const unposted = await namesWith(undefined);
  assert.deepEqual(unposted.names, ["checkout"]);
  assert.match(unposted.forecast, /; not judged this time: paid, because the release that serves does not post its event yet$/);
  assert.deepEqual((await namesWith(["order-paid"])).names, ["checkout", "paid"]);
});
