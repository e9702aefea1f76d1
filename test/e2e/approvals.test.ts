import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import type { RolloutView } from "../../src/control/rollout-view.ts";
import { jsonOf } from "./belay-command.ts";
import { openScene, type Scene } from "./scene.ts";
import { createRepository } from "./shop-repository.ts";
import { waitFor } from "./wait.ts";

const server = `require("node:http").createServer((_, response) => response.end("ok")).listen(process.env.PORT, process.env.HOST)`;

const manifest = ({ steps = "[{ weight: 50%, minHold: 100ms }]", production = "", checks = "{}", more = "" }) => `version: 1
service: hello
run: { command: node server.js, health: / }
environments:
  production: { routes: [{ host: hello.example.com }]${production} }
rollout: { steps: ${steps}, onInconclusive: continue, maxHold: 200ms, bake: 100ms }
checks: ${checks}
${more}`;

const asked = ", approvals: { people: 1 }";

async function untilEnded(scene: Scene, rollout: string): Promise<RolloutView> {
  return waitFor("the rollout ends", async () => {
    const view = (await scene.serviceStatus("hello")).rollout;
    return view?.rollout === rollout && view.outcome !== null && view.outcome !== "held" ? view : undefined;
  });
}

/** Also of a rollout of whose approval before the start is not told any more. */
async function untilAtGate(scene: Scene, rollout: string): Promise<RolloutView> {
  return waitFor("the rollout waits at its gate", async () => {
    const view = (await scene.serviceStatus("hello")).rollout;
    const isThere = view?.rollout === rollout && view.phase.name === "progressing" && view.phase.step === 1;
    return isThere && view.supervision.awaiting !== null ? view : undefined;
  });
}

test("a rollout waits for somebody who neither asked for it nor wrote it", async (t) => {
  const scene = openScene(t);
  await scene.up();
  const repository = await createRepository(join(scene.place.folder, "hello"));
  await repository.commitFile("server.js", server);
  await repository.commitFile("belay.yml", manifest({ production: asked }));

  const ann = await scene.person("ann", "approver");
  const bob = await scene.person("bob", "approver", "--service", "hello", "--email", "bob@shop.example.com");
  const dave = await scene.person("dave", "approver", "--email", "Team@shop.example.com");
  const annToo = await scene.person("ann-too", "approver");
  const eve = await scene.person("eve", "viewer");
  const late = await scene.person("late", "approver", "--expires", "1s");
  const deploy = async (code: number, words: readonly string[] = []) =>
    jsonOf(await scene.expectBelay(["deploy", "--json", ...words], { cwd: repository.folder, env: ann, code })) as RolloutView;

  const refused = async (words: readonly string[], env: Readonly<Record<string, string>>, code: string) => {
    const result = await scene.expectBelay(words, { cwd: repository.folder, env, code: 1 });
    assert.match(result.stderr, new RegExp(code), words.join(" "));
  };

  await t.test("a viewer may look and no more, and an expired token is told apart from a wrong one", async () => {
    await refused(["deploy"], eve, "BELAY_API_FORBIDDEN");
    await scene.expectBelay(["status"], { env: eve });
    await waitFor("the token has expired", async () => {
      const { stderr } = await scene.belay(["status"], { env: late });
      return stderr.includes("BELAY_API_TOKEN_EXPIRED") ? true : undefined;
    });
  });

  await t.test("the first release waits before anything of it runs, and every other word is refused", async () => {
    const waits = await deploy(5);
    assert.equal(waits.outcome, "held");
    assert.match(waits.reason, /waits for 1 approval: production asks for it/);
    assert.deepEqual((await scene.serviceStatus("hello")).instances, []);
    const approve = ["approve", waits.rollout, "--yes"];
    await refused(approve, ann, "BELAY_APPROVAL_OWN");
    await refused(approve, dave, "BELAY_APPROVAL_OWN");
    await refused(approve, eve, "BELAY_API_FORBIDDEN");
    await refused(approve, {}, "BELAY_PERSON_NEEDED");
    await refused(approve, annToo, "BELAY_APPROVAL_APPROVER_UNKNOWN");
    const { stdout } = await scene.expectBelay(["status"]);
    assert.match(stdout, new RegExp(`Next: Somebody else who may approve runs \`belay approve ${waits.rollout}\``));
    const shown = await scene.expectBelay(["approve", "hello"], { env: bob });
    assert.match(shown.stdout, /1 commit:\n.*team@shop\.example\.com \(dave\)/s);
    assert.match(shown.stdout, /Nothing was approved/);
    await scene.expectBelay([...approve, "--reason", "looks right"], { env: bob });
    assert.equal((await untilEnded(scene, waits.rollout)).outcome, "promoted");
    const entries = await scene.entries(waits.rollout);
    const given = entries.find(({ fact }) => fact.kind === "approval-given");
    assert.deepEqual(given?.actor, { kind: "person", name: "bob", via: "token" });
    assert.equal(entries[0]?.actor.name, "ann");
    const order = entries.map(({ fact }) => fact.kind);
    assert.ok(order.indexOf("approval-given") < order.indexOf("start-approved"));
    assert.doesNotMatch(JSON.stringify(entries), new RegExp(bob.BELAY_TOKEN.slice(6)));
  });

  await t.test("at a gate the weight stays, nobody promotes past it, and an approval lets it on", async () => {
    const steps = "[{ weight: 10%, minHold: 100ms }, { gate: approval }, { weight: 50%, minHold: 100ms }]";
    // It asks for nobody any more before its start, which counts from the next rollout on: by yesterday's rules it waits there.
    await repository.commitFile("belay.yml", manifest({ steps }));
    const before = await deploy(5);
    assert.equal(before.phase.name, "pending");
    await scene.expectBelay(["token", "map", "dave", "--email", "dave@shop.example.com"]);
    const unknown = await scene.expectBelay(["approve", "hello"], { env: bob });
    assert.match(unknown.stdout, /nobody knows whose these addresses are: team@shop\.example\.com/);
    await refused(["approve", before.rollout, "--yes"], bob, "BELAY_APPROVAL_AUTHOR_UNKNOWN");
    await scene.expectBelay(["token", "map", "outside", "--email", "team@shop.example.com"]);
    await scene.expectBelay(["approve", before.rollout, "--yes"], { env: bob });
    const waits = await untilAtGate(scene, before.rollout);
    assert.deepEqual(waits.phase, { name: "progressing", step: 1 });
    assert.equal(waits.weight, 1_000);
    await refused(["promote", "hello", "--full"], ann, "BELAY_APPROVAL_NEEDED");
    await refused(["promote", "hello", "--skip-analysis"], ann, "BELAY_APPROVAL_NEEDED");
    await scene.expectBelay(["approve", waits.rollout, "--yes"], { env: bob });
    assert.equal((await untilEnded(scene, waits.rollout)).outcome, "promoted");
  });

  await t.test("a check that failed is passed over by a second person, and the one that never is, by nobody", async () => {
    const checks = '{ custom: [{ name: picky, run: "echo too blue; exit 1" }] }';
    await repository.commitFile("belay.yml", manifest({ checks }));
    await deploy(4);
    await refused(["deploy", "--override", "secrets", "--reason", "no time"], ann, "BELAY_OVERRIDE_REFUSED");
    const waits = await deploy(5, ["--override", "picky", "--reason", "blue is the brand"]);
    assert.match(waits.reason, /picky is to be passed over \(blue is the brand\)/);
    const shown = await scene.expectBelay(["approve", waits.rollout], { env: bob });
    assert.match(shown.stdout, /fail {2}picky: too blue/);
    await scene.expectBelay(["approve", waits.rollout, "--yes"], { env: bob });
    // Yesterday's gate is still in its way, though it has none itself.
    await untilAtGate(scene, waits.rollout);
    await scene.expectBelay(["approve", waits.rollout, "--yes"], { env: bob });
    assert.equal((await untilEnded(scene, waits.rollout)).outcome, "promoted");
  });

  await t.test("one person alone breaks the glass in a freeze, and it is shown until somebody else has reviewed it", async () => {
    const freeze = "freezes: [{ name: inventory, from: 2000-01-01T00:00:00Z, to: 2099-01-01T00:00:00Z, reason: counting }]\n";
    await repository.commitFile("belay.yml", manifest({ production: asked, more: freeze }));
    await deploy(4);
    await refused(["deploy", "--break-glass", "the till is down"], {}, "BELAY_PERSON_NEEDED");
    const broken = await deploy(0, ["--break-glass", "the till is down"]);
    assert.equal(broken.outcome, "promoted");
    const loud = await scene.expectBelay(["status"]);
    assert.match(loud.stdout, new RegExp(`UNREVIEWED, due before .*ann broke the glass for ${broken.rollout}`));
    await refused(["review", broken.rollout, "--reason", "fine"], ann, "BELAY_APPROVAL_OWN");
    await scene.expectBelay(["review", broken.rollout, "--reason", "it was needed"], { env: bob });
    assert.doesNotMatch((await scene.expectBelay(["status"])).stdout, /UNREVIEWED/);
    const explained = await scene.expectBelay(["explain", broken.rollout]);
    assert.match(explained.stdout, /reviewed by bob at .*: it was needed/);
  });

  await t.test("a way back needs nobody, and a token that was revoked is nobody's", async () => {
    const back = jsonOf(await scene.expectBelay(["rollback", "hello", "--json"], { env: ann })) as RolloutView;
    assert.equal(back.outcome, "promoted");
    await scene.expectBelay(["token", "revoke", "bob"]);
    await refused(["approve", back.rollout, "--yes"], bob, "BELAY_PERSON_NEEDED");
    const { stdout } = await scene.expectBelay(["token", "list"]);
    assert.match(stdout, /dave +approver +everywhere/);
    assert.doesNotMatch(stdout, /bob/);
  });
});
