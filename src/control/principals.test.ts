import assert from "node:assert/strict";
import { test } from "node:test";
import { createSeededRandom } from "../ports/random.ts";
import { ann } from "../rollout/rollout.builder.ts";
import { LoopWorld } from "./control-loop.fixture.ts";
import { createMemoryHashes, PrincipalDesk, type TokenRequest } from "./principals.ts";

const everywhere = { service: null, environment: null };
const bob: TokenRequest = { name: "bob", role: "approver", scope: everywhere, lastsMs: 60_000, gitEmails: ["Bob@Example.com"] };

function openDesk(world = new LoopWorld(), hashes = createMemoryHashes()) {
  const desk = () => new PrincipalDesk({ loop: world.loop, hashes, clock: world.clock, random: createSeededRandom(3) });
  return { world, hashes, desk: desk(), again: desk };
}

test("a token is its holder's until it expires, and what is kept of it gives it back to nobody", () => {
  const { world, hashes, desk } = openDesk();
  const { token, view } = desk.create(bob, ann);
  assert.match(token, /^belay_[\w-]{43}$/);
  assert.equal(view.by, "ann");
  const found = desk.find(token);
  assert.ok(found.kind === "token");
  assert.deepEqual([found.token.name, found.token.role], ["bob", "approver"]);
  const kept = JSON.stringify([world.commands.history({ afterPosition: 0, limit: 100 }), hashes.load(), desk.list()]);
  assert.ok(!kept.includes(token.slice(6)));
  for (const other of ["", token.slice(0, -1), `${token}x`, Object.values(hashes.load())[0] ?? "", "__proto__"])
    assert.equal(desk.find(other).kind, "unknown", other);
  world.clock.advance(59_999);
  assert.equal(desk.find(token).kind, "token");
  world.clock.advance(1);
  assert.equal(desk.find(token).kind, "expired");
});

test("the hashes of the ledger's entries are in none of them", () => {
  const { world, hashes, desk } = openDesk();
  desk.create(bob, ann);
  const entries = JSON.stringify(world.commands.history({ afterPosition: 0, limit: 100 }));
  for (const hash of Object.values(hashes.load())) assert.ok(!entries.includes(hash));
});

test("tokens and addresses outlive the control plane, and a revoked one does not come back", () => {
  const { world, desk, again } = openDesk();
  const first = desk.create(bob, ann);
  const second = desk.create({ ...bob, role: "viewer" }, ann);
  assert.deepEqual(desk.revoke(first.view.id, ann), [first.view.id]);
  world.restart();
  const later = again();
  assert.equal(later.find(first.token).kind, "unknown");
  assert.equal(later.find(second.token).kind, "token");
  assert.deepEqual(later.list()[0]?.gitEmails, ["bob@example.com"]);
  later.map("bob", [], ann);
  assert.deepEqual(later.list()[0]?.gitEmails, []);
  assert.throws(() => later.revoke("nobody", ann), { code: "BELAY_TOKEN_UNKNOWN" });
  assert.throws(() => later.map("nobody", ["x@example.com"], ann), { code: "BELAY_TOKEN_UNKNOWN" });
});

test("a hash without an entry, and an entry without its hash, are worth nothing", () => {
  const { world, hashes, desk } = openDesk();
  const { token } = desk.create(bob, ann);
  const own = hashes.load();
  hashes.save({});
  const lost = new PrincipalDesk({ loop: world.loop, hashes, clock: world.clock, random: createSeededRandom(3) });
  assert.equal(lost.find(token).kind, "unknown");
  const elsewhere = createMemoryHashes();
  elsewhere.save(own);
  const other = openDesk(new LoopWorld(), elsewhere);
  assert.equal(other.desk.find(token).kind, "unknown");
});

test("the names of who acts without a token are nobody's", () => {
  const { desk } = openDesk();
  assert.throws(() => desk.create({ ...bob, name: "deployer" }, ann), { code: "BELAY_TOKEN_NAME_TAKEN" });
});

test("no name is one that every object has", () => {
  const { desk } = openDesk();
  const { view } = desk.create({ ...bob, name: "constructor", gitEmails: [] }, ann);
  assert.deepEqual(view.gitEmails, []);
});
