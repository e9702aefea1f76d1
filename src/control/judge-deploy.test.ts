import assert from "node:assert/strict";
import { test } from "node:test";
import { openConfigs } from "../config/open-configs.ts";
import { createMemoryFiles } from "../config/sealed-files.ts";
import { BelayError } from "../errors.ts";
import { ManualClock } from "../ports/manual-clock.ts";
import { createSeededRandom } from "../ports/random.ts";
import type { CommitComparison } from "../release/compare-commits.ts";
import { type Brief, briefQuestions } from "../rollout/brief.ts";
import { ownLoosenings } from "../rollout/loosening.ts";
import type { PinnedPolicy } from "../rollout/pinned-policy.ts";
import { noPrincipals, type Principals, type Role } from "../rollout/principal.ts";
import { releaseNamed, Story } from "../rollout/rollout.builder.ts";
import type { Rollout } from "../rollout/rollout.ts";
import { requireSameRules } from "./judge-deploy.ts";
import { manifestOf, planDeploy } from "./plan-deploy.ts";
import type { DeployRequest } from "./requests.ts";

const commit = "c".repeat(40);
const now = Temporal.Instant.from("2026-11-20T12:00:00Z");

const manifest = (more = "", production = "", rollout = "harm: 2%, steps: [{ weight: 5%, minHold: 2s }]") => `version: 1
service: shop
run: { command: node server.js }
environments: { production: { routes: [{ host: shop.example.com }]${production} } }
rollout: { ${rollout} }
${more}`;

interface Given {
  readonly was?: string | undefined;
  readonly asked?: string;
  readonly comparison?: CommitComparison | null;
  readonly pinned?: readonly PinnedPolicy[];
  readonly principals?: Principals;
  readonly promoted?: readonly Rollout[];
  readonly own?: Partial<DeployRequest>;
  readonly isPreview?: boolean;
}

/** Of the release that serves, `was` is its belay.yml; undefined is one whose commit is not here any more. */
function given(options: Given) {
  const { asked = manifest(), comparison = { commits: [], files: [] }, pinned = [], principals = noPrincipals } = options;
  const { service } = new Story().withStable();
  const was = "was" in options ? options.was : manifest();
  const readFile = async (of: string, path: string) => {
    if (path !== "belay.yml") return undefined;
    if (of === commit) return asked;
    if (was === undefined) throw new BelayError({ code: "BELAY_RELEASE_COMMIT_UNKNOWN", message: "gone", next: "Send it." });
    return was;
  };
  const history = {
    readFile,
    readBundle: async () => {
      throw new Error("no bundle was uploaded");
    },
    compareCommits: async () => comparison,
  };
  const deployments = {
    all: () => [service],
    find: () => service,
    pinned,
    principals,
    promotedOf: () => options.promoted ?? [],
  };
  return { service, history, deployments };
}

function plan(options: Given = {}) {
  const { history, deployments } = given(options);
  const configs = openConfigs({
    files: createMemoryFiles(createSeededRandom(1)),
    clock: new ManualClock(),
    runCommand: async () => "",
  });
  return planDeploy({
    request: { commit, isDirty: false, root: "", environment: "production", supersede: false, ...options.own },
    releases: history,
    history,
    deployments,
    now,
    configs,
    by: "ann",
    mayCompare: () => true,
    ...(options.isPreview === undefined ? {} : { isPreview: options.isPreview }),
    budgetLeft: () => ({ left: 1, isExhausted: false, windowMs: 2_419_200_000, objective: "availability" }),
    budgetOf: () => ({ left: null, isBurning: false }),
    newUnitsPerSecond: () => 40,
  });
}

async function factOf(options: Given) {
  const { fact } = await plan(options);
  assert.ok(fact.rolloutKind === "deploy");
  return fact;
}

const fieldsOf = (judgement: Rollout["judgement"]) => judgement?.loosenings.map(({ field }) => field);

function tokensOf(...people: readonly (readonly [name: string, role: Role])[]): Principals {
  const tokens = people.map(([name, role], index) => {
    return { id: `${index}`, name, role, scope: { service: null, environment: null }, by: "ann", madeAt: "", until: null };
  });
  return { tokens, gitEmails: Object.fromEntries(people.map(([name]) => [name, [`${name}@example.com`]])) };
}

const strict =
  'checks: { custom: [{ name: picky, run: ./picky }] }\nwindows: [{ days: [fri], from: "09:00", to: "16:00", zone: UTC }]';
const twoPeople = "{ people: 2, from: [bob, cleo] }";
const waiver = "checks: { waivers: [{ check: lockfile, reason: r, by: ann, until: 2099-12-31 }] }";

/** What a release would make laxer for itself: gates, windows, checks, tolerances, roles. */
const attempts: readonly (readonly [what: string, was: string, asked: string, field: string])[] = [
  ["harm", manifest(), manifest("", "", "harm: 5%, steps: [{ weight: 5%, minHold: 2s }]"), "rollout.harm"],
  [
    "a gate",
    manifest("", "", "harm: 2%, steps: [{ weight: 5% }, { gate: approval }]"),
    manifest("", "", "harm: 2%, steps: [{ weight: 5% }]"),
    "rollout.steps",
  ],
  ["the hours", manifest(strict), manifest("checks: { custom: [{ name: picky, run: ./picky }] }"), "windows"],
  ["a check", manifest(strict), manifest(strict.replace("picky, run", "other, run")), "checks.custom.picky"],
  ["a waiver", manifest(), manifest(waiver), "checks.waivers"],
  [
    "who approves",
    manifest("", `, approvals: ${twoPeople}`),
    manifest("", ", approvals: { people: 1, from: [mallory] }"),
    "environments.production.approvals.people",
  ],
  ["nobody approves", manifest("", `, approvals: ${twoPeople}`), manifest(), "environments.production.approvals"],
  [
    "a metric",
    manifest("", "", "harm: 2%, steps: [{ weight: 5%, minHold: 2s }], onFail: { latency: hold }"),
    manifest("", "", "harm: 2%, steps: [{ weight: 5%, minHold: 2s }], onFail: { latency: notify }"),
    "rollout.onFail.latency",
  ],
  ["the risk", manifest("risk: { high: 3 }"), manifest(), "risk.high"],
];

for (const [what, was, asked, field] of attempts) {
  test(`${what}: yesterday's rule is in the plan and in preflight, and the attempt is told`, async () => {
    const fact = await factOf({ was, asked });
    assert.ok(fieldsOf(fact.judgement)?.includes(field), JSON.stringify(fact.judgement));
    const yesterday = await factOf({ was, asked: was });
    const { needs: _, ...frozen } = fact.plan;
    const { needs: __, ...before } = yesterday.plan;
    assert.deepEqual(frozen, before);
    assert.deepEqual(fieldsOf(yesterday.judgement), []);
    const { service, history, deployments } = given({ was, asked });
    const rollout = { ...(service.promotion as Rollout), commit, root: "", stable: service.stable };
    const inspected = await manifestOf(history, { rollout, history, deployments, now });
    const expected = await manifestOf(history, {
      rollout: { ...rollout, commit: releaseNamed("a1").commit },
      history,
      deployments,
      now,
    });
    assert.deepEqual(inspected.checks.waivers, expected.checks.waivers);
    for (const check of expected.checks.custom) assert.ok(inspected.checks.custom.some(({ name }) => name === check.name));
    assert.deepEqual(
      inspected.environments["production"]?.approvals?.people,
      expected.environments["production"]?.approvals?.people,
    );
  });
}

const laxer = manifest("", "", "harm: 5%, steps: [{ weight: 5%, minHold: 2s }]");

test("a loosening waits for somebody else where there is somebody, and is told where there is nobody", async () => {
  const alone = await factOf({ asked: laxer, principals: tokensOf(["ann", "admin"], ["eve", "deployer"]) });
  assert.equal(alone.plan.needs, undefined);
  assert.match(alone.forecast, /nobody else here could approve what it loosens: that counts from the next rollout on$/);
  const two = await factOf({ asked: laxer, principals: tokensOf(["ann", "admin"], ["bob", "approver"]) });
  assert.deepEqual(
    two.plan.needs?.map(({ kind, people }) => [kind, people]),
    [["policy", 1]],
  );
  assert.equal(two.plan.harm, 0.02);
});

test("who wrote it is nobody to approve what it loosens", async () => {
  const comparison = { commits: [{ id: "c", subject: "s", people: ["bob@example.com"] }], files: [] };
  const fact = await factOf({ asked: laxer, comparison, principals: tokensOf(["ann", "admin"], ["bob", "approver"]) });
  assert.equal(fact.plan.needs, undefined);
  assert.deepEqual(fact.judgement?.authors, ["bob"]);
});

test("rules that cannot be read any more are told and asked like a loosening; pinned ones hold", async () => {
  const pinned = [{ scope: { service: null, environment: "production" }, text: "rollout: { harm: 1% }", by: "ann", at: "" }];
  const fact = await factOf({ was: undefined, pinned, principals: tokensOf(["bob", "approver"]) });
  assert.deepEqual(fieldsOf(fact.judgement), ["belay.yml", "rollout.harm"]);
  assert.deepEqual(
    ownLoosenings(fact.judgement?.loosenings ?? []).map(({ field }) => field),
    ["belay.yml"],
  );
  assert.equal(fact.plan.harm, 0.01);
  assert.deepEqual(
    fact.plan.needs?.map(({ kind }) => kind),
    ["policy"],
  );
});

test("what is pinned holds in its scope alone, and asks nobody for a word", async () => {
  const pin = (service: string | null, environment: string | null) => [
    { scope: { service, environment }, text: "rollout: { harm: 1% }", by: "ann", at: "" },
  ];
  const harmOf = async (pinned: readonly PinnedPolicy[]) => {
    const { plan: frozen } = await factOf({ pinned, principals: tokensOf(["bob", "approver"]) });
    assert.equal(frozen.needs, undefined);
    return frozen.harm;
  };
  assert.equal(await harmOf(pin(null, null)), 0.01);
  assert.equal(await harmOf(pin("shop", "production")), 0.01);
  assert.equal(await harmOf(pin("cart", null)), 0.02);
  assert.equal(await harmOf(pin(null, "staging")), 0.02);
});

const brief = Object.fromEntries(briefQuestions.map(({ key }) => [key, "as before"])) as Brief;
const large: CommitComparison = {
  commits: [{ id: "c", subject: "s", people: ["new@example.com"] }],
  files: [
    { path: "lib/a.js", added: 900, removed: 200 },
    { path: "migrations/2.sql", added: 3, removed: 0 },
    { path: "package-lock.json", added: 90_000, removed: 0 },
  ],
};
/** Somebody else brought a release of it to everyone before. */
const promoted = [{ judgement: { authors: ["bob"] } } as unknown as Rollout];

test("a risky change is held longer at first, looked at by somebody else, and asks for a brief", async () => {
  await assert.rejects(plan({ comparison: large, promoted }), { code: "BELAY_BRIEF_NEEDED", message: /high \(6 points\)/ });
  const options = { comparison: large, promoted, own: { brief } };
  const alone = await factOf(options);
  assert.deepEqual(alone.plan.steps, [{ weight: 500, minHoldMs: 8_000 }]);
  assert.match(alone.forecast, /nobody else here could approve it after its first step/);
  assert.deepEqual(alone.judgement?.brief, brief);
  assert.doesNotMatch(JSON.stringify(alone), /new@example\.com/);
  const two = await factOf({ ...options, principals: tokensOf(["bob", "approver"]) });
  assert.deepEqual(two.plan.steps, [
    { weight: 500, minHoldMs: 8_000 },
    { weight: 500, minHoldMs: 0, gate: "approval" },
  ]);
  assert.deepEqual(
    two.plan.needs?.map(({ id, kind, step }) => [id, kind, step]),
    [["risk", "risk", 1]],
  );
});

test("an author whose address is mapped later is no newcomer by that", async () => {
  const { judgement } = await plan({ comparison: large, promoted, own: { brief } });
  assert.ok(
    judgement.risk?.reasons.some(
      ({ what }) => what === "the first release of this service by somebody whose address is nobody's here",
    ),
  );
  const before = [{ judgement } as unknown as Rollout];
  const mapped = await plan({ comparison: large, promoted: before, own: { brief }, principals: tokensOf(["new", "deployer"]) });
  assert.deepEqual(mapped.judgement.authors, ["new"]);
  assert.ok(mapped.judgement.risk?.reasons.every(({ what }) => !what.includes("first release of this service")));
});

test("in an emergency nobody is asked for a brief, and what was skipped is on record", async () => {
  const fact = await factOf({
    comparison: large,
    promoted,
    own: { breakGlass: "it burns" },
    principals: tokensOf(["bob", "approver"]),
  });
  assert.equal(fact.plan.needs, undefined);
  assert.ok(fact.breakGlass?.skipped.includes("a release brief"), JSON.stringify(fact.breakGlass));
  assert.ok(fact.breakGlass?.skipped.some((words) => words.includes("the risk is high")));
});

test("a preview tells what a deploy would refuse", async () => {
  const { judgement } = await plan({ comparison: large, promoted, isPreview: true });
  assert.ok(judgement.consequences.some((words) => words.includes("a release brief is asked for")));
});

test("a brief with a secret or without an answer is refused, and the secret is not repeated", async () => {
  const token = `ghp_${"a1B2".repeat(9)}`;
  for (const wrong of [
    { ...brief, owner: `ask ${token}` },
    { ...brief, owner: " " },
  ])
    await assert.rejects(plan({ own: { brief: wrong } }), (error: BelayError) => {
      assert.equal(error.code, "BELAY_BRIEF_REFUSED");
      assert.doesNotMatch(error.message, /a1B2/);
      return true;
    });
});

test("a small change of a known author is planned as it was written", async () => {
  const fact = await factOf({ comparison: { commits: [], files: [{ path: "a.js", added: 1, removed: 1 }] } });
  assert.deepEqual(fact.plan.steps, [{ weight: 500, minHoldMs: 2_000 }]);
  assert.deepEqual(fact.judgement, {
    loosenings: [],
    risk: { level: "low", points: 0, reasons: [] },
    consequences: [],
    brief: null,
    authors: [],
  });
});

test("staging can be left out in two rollouts, and not in one", async () => {
  const staged = (after: string, staging = "staging: { routes: [{ host: s.example.com }] }, ") =>
    `version: 1\nservice: shop\nrun: { command: x }\nenvironments: { ${staging}production: { routes: [{ host: shop.example.com }]${after} } }\n`;
  await assert.rejects(plan({ was: staged(""), asked: staged("", "") }), { code: "BELAY_POLICY_STAGING_GONE" });
  const first = await plan({ was: staged(""), asked: staged(", after: none") });
  assert.equal(first.after, "staging");
  assert.equal((await plan({ was: staged(", after: none"), asked: staged("", "") })).after, null);
});

test("a plan is not started once another release serves or other rules are pinned", async () => {
  const { service, deployments } = given({});
  const planned = {
    service: "shop",
    environment: "production",
    judgedBy: { stable: service.stable, pinned: deployments.pinned },
  };
  requireSameRules(planned, deployments);
  assert.throws(() => requireSameRules(planned, { ...deployments, pinned: [] }), { code: "BELAY_POLICY_CHANGED" });
  const other = { ...service, stable: "other" };
  assert.throws(() => requireSameRules(planned, { ...deployments, find: () => other }), { code: "BELAY_POLICY_CHANGED" });
});
