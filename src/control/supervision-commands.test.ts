import assert from "node:assert/strict";
import { test } from "node:test";
import { createSeededRandom } from "../ports/random.ts";
import type { ApprovalNeed } from "../rollout/approval.ts";
import { ann as annAtTheMachine, releaseNamed } from "../rollout/rollout.builder.ts";
import type { Actor } from "../rollout/rollout.ts";
import { LoopWorld } from "./control-loop.fixture.ts";
import { entryOf } from "./control-loop.ts";
import { createMemoryHashes, PrincipalDesk } from "./principals.ts";
import { requireNamed } from "./supervision-commands.ts";

const need: ApprovalNeed = { id: "environment", kind: "environment", why: "asked", people: 1, from: [], lastsMs: 3_600_000 };
const by = (name: string): Actor => ({ kind: "person", name, via: "token" });
const ann = by("ann");
const everywhere = { service: null, environment: null };
const byDave = { commits: [{ id: "c", subject: "s", people: ["dave@example.com"] }], files: [] };

/** With anybody in it: `ann` asks for every rollout, at the machine, and `dave` has written it. */
function openWorld(...names: readonly string[]): LoopWorld & { readonly desk: PrincipalDesk } {
  const world = new LoopWorld();
  world.comparison = byDave;
  const desk = new PrincipalDesk({
    loop: world.loop,
    hashes: createMemoryHashes(),
    clock: world.clock,
    random: createSeededRandom(5),
  });
  for (const name of names.length === 0 ? [] : new Set([...names, "ann", "dave"])) {
    desk.create({ name, role: "approver", scope: everywhere, lastsMs: null, gitEmails: [`${name}@example.com`] }, ann);
  }
  return Object.assign(world, { desk });
}

async function waiting(world: LoopWorld, own: Partial<ApprovalNeed> = {}) {
  await world.serve("a1");
  const rollout = world.request("b2", { needs: [{ ...need, ...own }] });
  await world.pass(500);
  const { digest, plan, open } = await world.commands.approval({ rollout });
  return { rollout, digest, plan, needs: open, reason: "" };
}

test("an approval is for what was shown, by somebody with a token who had no part in it, and once", async () => {
  const world = openWorld("ann", "bob", "dave", "cleo");
  const word = await waiting(world, { from: ["bob", "dave", "ann"] });
  const refused: readonly (readonly [Actor, string])[] = [
    [{ kind: "person", name: "bob", via: "socket" }, "BELAY_PERSON_NEEDED"],
    [by("deployer"), "BELAY_PERSON_NEEDED"],
    [by("ann"), "BELAY_APPROVAL_OWN"],
    [by("dave"), "BELAY_APPROVAL_OWN"],
    [by("cleo"), "BELAY_APPROVAL_NOT_YOURS"],
  ];
  for (const [actor, code] of refused)
    await assert.rejects(world.commands.approve(word, actor), { code }, `${actor.name} ${actor.via}`);
  await assert.rejects(world.commands.approve({ ...word, digest: "0".repeat(64) }, by("bob")), {
    code: "BELAY_APPROVAL_CHANGED",
  });
  await assert.rejects(world.commands.approve({ ...word, plan: "0".repeat(64) }, by("bob")), { code: "BELAY_APPROVAL_CHANGED" });
  assert.equal(world.rollout.phase.name, "pending");
  assert.equal(world.service.instances["shop.b2.1"], undefined);
  const given = await world.commands.approve(word, by("bob"));
  assert.deepEqual(given.approved, ["environment"]);
  await assert.rejects(world.commands.approve(word, by("bob")), { code: "BELAY_APPROVAL_NOT_NEEDED" });
  await world.pass(1_000);
  assert.notEqual(world.rollout.phase.name, "pending");
});

// Goal: nobody gives the second word on their own work by a second token, or by one whose commits are not known to be theirs.
test("whose part in it is not known may be the approver's own, and each refusal says what to do", async () => {
  const world = openWorld("bob");
  const give = (name: string, gitEmails: readonly string[]) => world.desk.map(name, gitEmails, annAtTheMachine);
  world.desk.create({ name: "ann-too", role: "approver", scope: everywhere, lastsMs: null, gitEmails: [] }, annAtTheMachine);
  world.comparison = { commits: [{ id: "c", subject: "s", people: ["ann@home.example", "noreply@example.com"] }], files: [] };
  const word = await waiting(world);
  const approve = (name: string) => world.commands.approve(word, by(name));
  await assert.rejects(approve("ann-too"), {
    code: "BELAY_APPROVAL_APPROVER_UNKNOWN",
    next: /`belay token map ann-too --email/,
  });
  await assert.rejects(approve("bob"), {
    code: "BELAY_APPROVAL_AUTHOR_UNKNOWN",
    message: /: ann@home\.example, noreply@example\.com$/,
  });
  give("outside", ["noreply@example.com", "ann@home.example"]);
  await assert.rejects(approve("bob"), { code: "BELAY_APPROVAL_REQUESTER_UNKNOWN", message: /ann asked for it without a token/ });
  give("outside", ["noreply@example.com"]);
  give("ann", ["ann@example.com", "ann@home.example"]);
  give("ann-too", ["ann@example.com", "ann@home.example"]);
  await assert.rejects(approve("ann-too"), { code: "BELAY_APPROVAL_OWN" });
  assert.deepEqual((await approve("bob")).approved, ["environment"]);
});

test("the screen shows who wrote what, which of them may not approve, and what waits", async () => {
  const world = openWorld("bob", "dave");
  world.comparison = {
    commits: [{ id: "c", subject: "s", people: ["dave@example.com", "stranger@example.com"] }],
    files: [{ path: "x", added: 1, removed: 2 }],
  };
  const { rollout } = await waiting(world);
  const view = await world.commands.approval({ rollout });
  assert.deepEqual(view.excluded, ["ann", "dave"]);
  assert.deepEqual(view.unknown, ["stranger@example.com"]);
  assert.deepEqual(view.commits?.[0]?.people, [
    { address: "dave@example.com", principals: ["dave"] },
    { address: "stranger@example.com", principals: [] },
  ]);
  assert.deepEqual(view.supervision.awaiting?.needs, ["environment"]);
  assert.ok(
    view.changes.every(({ what }) => what.startsWith("plan.")),
    JSON.stringify(view.changes),
  );
});

test("what preflight has ended is not to be waited for", async () => {
  const world = openWorld("bob");
  await world.serve("a1");
  const rollout = world.request("b2", { needs: [need] });
  world.tell({ kind: "rollout-refused", code: "BELAY_PREFLIGHT_FAILED", reason: "a check failed", next: "" });
  await assert.rejects(world.commands.approval({ rollout }), { code: "BELAY_APPROVAL_NOT_NEEDED" });
});

test("an approval that was given too long ago starts nothing", async () => {
  const world = openWorld("bob", "cleo");
  const word = await waiting(world, { people: 2, lastsMs: 1_000 });
  await world.commands.approve(word, by("bob"));
  await world.pass(1_500);
  await world.commands.approve(word, by("cleo"));
  await world.pass(500);
  assert.equal(world.rollout.phase.name, "pending");
  await world.commands.approve(word, by("bob"));
  await world.pass(500);
  assert.notEqual(world.rollout.phase.name, "pending");
});

test("closed hours are passed over for a rollout that waits for them, by a second person", async () => {
  const world = openWorld("bob");
  await world.serve("a1");
  const freeze = { name: "count", from: "2000-01-01T00:00:00Z", to: "2099-01-01T00:00:00Z", reason: "shelves" };
  const rollout = world.request("b2", { calendar: { windows: [], freezes: [freeze] } });
  await world.pass(1_000);
  assert.equal(world.rollout.phase.name, "pending");
  await world.commands.override({ environment: "production", service: "shop", reason: "an outage" }, ann);
  await world.pass(500);
  assert.equal(world.rollout.phase.name, "pending");
  const { digest, plan, open } = await world.commands.approval({ rollout });
  await world.commands.approve({ rollout, digest, plan, needs: open, reason: "" }, by("bob"));
  await world.pass(500);
  assert.equal(world.rollout.phase.name, "progressing");
});

test("who asks for closed hours to be passed over does not approve it, whoever deployed", async () => {
  const world = openWorld("bob", "cleo");
  await world.serve("a1");
  const freeze = { name: "count", from: "2000-01-01T00:00:00Z", to: "2099-01-01T00:00:00Z", reason: "shelves" };
  const rollout = world.request("b2", { calendar: { windows: [], freezes: [freeze] } });
  await world.pass(500);
  await world.commands.override({ environment: "production", service: "shop", reason: "an outage" }, by("bob"));
  const { digest, plan, open } = await world.commands.approval({ rollout });
  assert.deepEqual(open, ["window"]);
  const word = { rollout, digest, plan, needs: open, reason: "" };
  await assert.rejects(world.commands.approve(word, by("bob")), { code: "BELAY_APPROVAL_OWN" });
  await world.commands.approve(word, by("cleo"));
  await world.pass(500);
  assert.equal(world.rollout.phase.name, "progressing");
  await assert.rejects(world.commands.override({ environment: "production", service: "shop", reason: "once more" }, by("cleo")), {
    code: "BELAY_APPROVAL_NOT_NEEDED",
  });
});

test("a word is for what was open when it was looked at, and for nothing that came since", async () => {
  const world = openWorld("bob", "cleo");
  const gate: ApprovalNeed = { ...need, id: "gate-1", kind: "gate", step: 0 };
  await world.serve("a1");
  const step = { weight: 500, minHoldMs: 0, gate: "approval" } as const;
  const freeze = { name: "count", from: "2000-01-01T00:00:00Z", to: "2099-01-01T00:00:00Z", reason: "shelves" };
  const held = world.request("b2", { needs: [need], calendar: { windows: [], freezes: [freeze] } });
  await world.pass(500);
  const before = await world.commands.approval({ rollout: held });
  assert.deepEqual(before.open, ["environment"]);
  await world.commands.override({ environment: "production", service: "shop", reason: "an outage" }, ann);
  const { digest, plan, open } = before;
  const given = await world.commands.approve({ rollout: held, digest, plan, needs: open, reason: "" }, by("bob"));
  assert.deepEqual(given.approved, ["environment"]);
  await world.commands.abort({ environment: "production", service: "shop", reason: "" }, ann);
  await world.pass(500);

  const rollout = world.request("c3", { needs: [need, gate], steps: [step] });
  await world.pass(500);
  const looked = await world.commands.approval({ rollout });
  assert.deepEqual(looked.open, ["environment"]);
  const word = { rollout, digest: looked.digest, plan: looked.plan, needs: looked.open, reason: "" };
  await world.commands.approve(word, by("bob"));
  await world.pass(1_000);
  assert.deepEqual(world.rollout.phase, { name: "progressing", step: 0 });
  await assert.rejects(world.commands.approve(word, by("cleo")), { code: "BELAY_APPROVAL_CHANGED" });
  assert.deepEqual((await world.commands.approval({ rollout })).open, ["gate-1"]);
  await world.commands.approve({ ...word, needs: ["gate-1"] }, by("cleo"));
  await world.pass(500);
  const ended = world.commands.history({ afterPosition: 0, limit: 1000 }).find(({ entry }) => entry.fact.kind === "step-ended");
  assert.match(JSON.stringify(ended?.entry.fact), /"approved by cleo"/);
});

test("whoever works alone breaks the glass at the machine, also when a dashboard has a token", () => {
  const { loop, clock } = openWorld();
  const give = (name: string, role: "viewer" | "approver") => {
    const fact = {
      kind: "token-created",
      id: name,
      name,
      role,
      scope: { service: null, environment: null },
      until: null,
    } as const;
    loop.submit([{ environment: "", service: "", rollout: "", actor: ann, fact }]);
  };
  const atTheMachine: Actor = { kind: "person", name: "root", via: "socket" };
  const isRefused = (actor: Actor) =>
    assert.throws(() => requireNamed(loop, actor, clock.now()), { code: "BELAY_PERSON_NEEDED" });
  requireNamed(loop, by("deployer"), clock.now());
  give("prometheus", "viewer");
  requireNamed(loop, atTheMachine, clock.now());
  isRefused(by("deployer"));
  give("bob", "approver");
  isRefused(atTheMachine);
  requireNamed(loop, by("bob"), clock.now());
});

test("a broken glass is overdue once, a day later, and reviewed by somebody else", async () => {
  const world = openWorld("ann", "bob");
  await world.serve("a1");
  const before = world.rollout;
  const reviewBefore = world.clock.now().add({ hours: 24 }).toString();
  const fact = {
    kind: "rollout-requested",
    rolloutKind: "deploy",
    commit: before.commit,
    root: "",
    isDirty: false,
    plan: before.plan,
    forecast: "",
    breakGlass: { reason: "fire", skipped: [], reviewBefore },
  } as const;
  const rollout = "shop-glass";
  world.loop.submit([entryOf({ environment: "production", service: "shop", id: rollout }, ann, fact)]);
  await world.pass(500);
  const overdue = () =>
    world.commands.history({ afterPosition: 0, limit: 1000 }).filter(({ entry }) => entry.fact.kind === "break-glass-overdue")
      .length;
  assert.equal(overdue(), 0);
  world.clock.advance(86_400_000);
  await world.pass(500);
  assert.equal(overdue(), 1);
  await assert.rejects(world.commands.review({ rollout, words: "fine" }, by("ann")), { code: "BELAY_APPROVAL_OWN" });
  await assert.rejects(world.commands.review({ rollout, words: "fine" }, annAtTheMachine), { code: "BELAY_PERSON_NEEDED" });
  await world.commands.review({ rollout, words: "fine" }, by("bob"));
  assert.equal(world.service.breakGlasses[0]?.review?.by, "bob");
  await assert.rejects(world.commands.review({ rollout, words: "fine" }, by("bob")), { code: "BELAY_REVIEW_NOT_NEEDED" });
  await assert.rejects(world.commands.review({ rollout: before.id, words: "fine" }, by("bob")), {
    code: "BELAY_REVIEW_NOT_NEEDED",
  });
});

// Goal: whoever broke the glass at the machine, where they are root, does not review it under a name that they were given since.
test("what was broken at the machine is reviewed by somebody who is known to be another", async () => {
  const world = openWorld();
  await world.serve("a1");
  const breakGlass = { reason: "fire", skipped: [], reviewBefore: world.clock.now().add({ hours: 24 }).toString() };
  const fact = {
    kind: "rollout-requested",
    rolloutKind: "deploy",
    commit: "b2",
    root: "",
    isDirty: false,
    plan: world.rollout.plan,
    forecast: "",
    breakGlass,
  } as const;
  const root: Actor = { kind: "person", name: "root", via: "socket" };
  const rollout = "shop-glass";
  world.loop.submit([entryOf({ environment: "production", service: "shop", id: rollout }, root, fact)]);
  world.tell({ kind: "release-built", release: releaseNamed("b2") });
  await world.pass(500);
  world.comparison = { commits: [{ id: "c", subject: "s", people: ["ann@example.com"] }], files: [] };
  const join = (name: string, gitEmails: readonly string[]) =>
    world.desk.create({ name, role: "approver", scope: everywhere, lastsMs: null, gitEmails }, annAtTheMachine);
  const review = (name: string) => world.commands.review({ rollout, words: "fine" }, by(name));
  join("ann", []);
  await assert.rejects(review("ann"), { code: "BELAY_APPROVAL_APPROVER_UNKNOWN", next: /`belay token map ann --email/ });
  world.desk.map("ann", ["ann@example.com"], annAtTheMachine);
  await assert.rejects(review("ann"), { code: "BELAY_APPROVAL_OWN" });
  join("bob", ["bob@example.com"]);
  world.comparison = { commits: [], files: [] };
  await assert.rejects(review("bob"), { code: "BELAY_APPROVAL_REQUESTER_UNKNOWN", message: /root did it without a token/ });
  world.comparison = { commits: [{ id: "c", subject: "s", people: ["ann@example.com"] }], files: [] };
  await review("bob");
  assert.equal(world.service.breakGlasses[0]?.review?.by, "bob");
});
