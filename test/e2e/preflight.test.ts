import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { jsonOf } from "./belay-command.ts";
import { findProcesses } from "./belay-processes.ts";
import { openScene } from "./scene.ts";
import { createRepository } from "./shop-repository.ts";
import { waitFor } from "./wait.ts";

const server = `require("node:http").createServer((_, response) => response.end("ok")).listen(process.env.PORT, process.env.HOST)`;

const manifest = (checks: string) => `version: 1
service: hello
run: { command: node server.js, health: / }
environments:
  production: { routes: [{ host: hello.example.com }] }
rollout: { steps: [{ weight: 50%, minHold: 100ms }], onInconclusive: continue, maxHold: 200ms, bake: 100ms }
checks: ${checks}
`;

/** In two parts, so that no scanner takes this file for a leak. */
const key = `-----BEGIN ${"PRIVATE"} KEY-----\n${"MIIEvQIBADANBgkqhkiG9w0B".repeat(3)}\n-----END ${"PRIVATE"} KEY-----\n`;
const map = JSON.stringify({ version: 3, sources: ["app.ts"], sourcesContent: ["const secretPlan = 1;"], mappings: "AAAA" });

test("what preflight finds ends a rollout before anything runs, with exit code 4, and leaves nothing behind", async (t) => {
  const scene = openScene(t);
  await scene.up();
  const repository = await createRepository(join(scene.place.folder, "hello"));
  await repository.commitFile("server.js", server);
  await repository.commitFile("belay.yml", manifest("{}"));
  const first = await scene.deploy(repository);
  assert.equal(first.outcome, "promoted", JSON.stringify(first));
  assert.deepEqual(
    first.checks.filter(({ status }) => status === "pass").map(({ check }) => check),
    ["artifact", "secrets"],
  );
  const processes = findProcesses(scene.place.dataFolder).length;
  const kept = readdirSync(join(scene.place.dataFolder, "releases"));

  await t.test("a source map and a private key in the bundle", async () => {
    await repository.commitFile("app.js.map", map);
    await repository.commitFile("deploy.pem", key);
    const result = await scene.belay(["deploy"], { cwd: repository.folder });
    const text = result.stdout + result.stderr;
    assert.equal(result.code, 4, text);
    assert.match(text, /BELAY_PREFLIGHT_FAILED/);
    assert.match(text, /fail {2}artifact: app\.js\.map the source map carries the whole source of 1 file \[source-map\]/);
    assert.match(text, /fail {2}secrets: deploy\.pem:1:1 here is a private key \[private-key\]/);
    assert.doesNotMatch(text, /MIIEvQ/, "the key itself is not shown");
    assert.deepEqual(readdirSync(join(scene.place.dataFolder, "releases")), kept, "no bundle is kept");
    assert.deepEqual(readdirSync(join(scene.place.dataFolder, "building")), [], "nothing is left where it was built");
    await waitFor("no process is left", () => findProcesses(scene.place.dataFolder).length === processes);
    const { rollout, stable } = await scene.serviceStatus("hello");
    assert.equal(stable?.id, first.release);
    assert.equal(rollout?.outcome, "refused");
    const facts = await scene.facts(rollout?.rollout ?? "");
    assert.deepEqual(
      facts.map(({ kind }) => kind),
      ["rollout-requested", "preflight-ended", "rollout-refused"],
    );
    const explained = await scene.expectBelay(["explain", "hello"]);
    assert.match(explained.stdout, /preflight: \d checks? passed; fail: artifact, secrets/);
  });

  await t.test("a check of one's own that starts a process and never ends is stopped with all that it started", async () => {
    await repository.commitFile("deploy.pem", "");
    await repository.commitFile("app.js.map", "{}");
    const own = '{ custom: [{ name: slow, run: "sleep 300 & sleep 300", timeout: 300ms }] }';
    await repository.commitFile("belay.yml", manifest(own));
    const refused = await scene.deploy(repository, { code: 4 });
    assert.equal(refused.checks.find(({ check }) => check === "slow")?.status, "error");
    assert.match(refused.reason, /slow \(could not be checked\)/);
    await waitFor("no process is left", () => findProcesses(scene.place.dataFolder).length === processes);
    assert.deepEqual(readdirSync(join(scene.place.dataFolder, "building")), []);
  });

  await t.test("what is waived goes out, and is shown as waived", async () => {
    const own = `{ custom: [{ name: picky, run: "test ! -e blue || { echo too blue; exit 1; }" }], waivers: [{ check: picky, reason: blue is the brand, by: ann, until: 2099-12-31 }] }`;
    await repository.commitFile("belay.yml", manifest(own));
    // No release waives its own findings: the waiver goes first.
    await scene.deploy(repository);
    await repository.commitFile("blue", "very");
    const checked = await scene.expectBelay(["check"], { cwd: repository.folder });
    assert.match(checked.stdout, /waived {2}picky: too blue/);
    assert.match(checked.stdout, /waived by ann until 2099-12-31: blue is the brand/);
    const view = await scene.deploy(repository);
    assert.equal(view.outcome, "promoted", JSON.stringify(view));
    assert.equal(view.checks.find(({ check }) => check === "picky")?.findings[0]?.waived?.by, "ann");
  });

  await t.test("in a freeze nothing goes out, and back is open", async () => {
    const frozen = `freezes: [{ name: inventory, from: 2000-01-01T00:00:00Z, to: 2099-01-01T00:00:00Z, reason: the shelves are counted }]\n`;
    await repository.commitFile("belay.yml", `${manifest("{}")}${frozen}`);
    const refused = await scene.deploy(repository, { code: 4 });
    assert.match(refused.reason, /the freeze "inventory" holds until 2099-01-01T00:00:00Z: the shelves are counted/);
    const back = jsonOf(await scene.expectBelay(["rollback", "hello", "--json"])) as { readonly outcome: string };
    assert.equal(back.outcome, "promoted");
  });
});

test("tests that staging ran count for the same bundle in production, and are not run again where a bundle is only sent", async (t) => {
  const scene = openScene(t);
  await scene.up();
  const repository = await createRepository(join(scene.place.folder, "hello"));
  const runs = join(scene.place.folder, "runs");
  const checks = `{ tests: { run: "echo run >> ${runs}" } }`;
  await repository.commitFile("server.js", server);
  await repository.commitFile("belay.yml", manifest(checks).replace("environments:\n", "environments:\n  staging: {}\n"));
  const staged = await scene.deploy(repository);
  assert.equal(staged.outcome, "promoted", JSON.stringify(staged));
  const seen = staged.checks.find(({ check }) => check === "tests");
  assert.equal(seen?.status, "pass");
  assert.match(seen?.summary ?? "", /seen in staging, where it was built/);
  assert.equal(readFileSync(runs, "utf8"), "run\n");

  await repository.commitFile(
    "belay.yml",
    manifest(checks).replace("service: hello", "service: sent").replace("hello.", "sent."),
  );
  const bundle = join(scene.place.folder, "sent.bundle");
  await scene.expectBelay(["build", "-o", bundle], { cwd: repository.folder });
  await scene.expectBelay(["deploy", "--bundle", bundle]);
  const sent = (await scene.serviceStatus("sent")).rollout?.checks.find(({ check }) => check === "tests");
  assert.equal(sent?.status, "skipped");
  assert.equal(readFileSync(runs, "utf8"), "run\n");
});

test("a release of another configuration is looked at before it starts, and what is set under a wrong name is named", async (t) => {
  const scene = openScene(t);
  await scene.up();
  const repository = await createRepository(join(scene.place.folder, "hello"));
  await repository.commitFile("server.js", server);
  await repository.commitFile(
    "belay.yml",
    manifest("{}")
      .replace("environments:\n", "config: { API_URL: { type: url } }\nenvironments:\n")
      .replace(" }] }", " }], config: { API_URL: { from: env } } }"),
  );
  const deploy = (words: readonly string[], env: Record<string, string>) =>
    scene.belay(["deploy", ...words], { cwd: repository.folder, env });
  const misspelled = await deploy([], { API_ULR: "https://api.hello.internal/" });
  assert.equal(misspelled.code, 4, misspelled.stdout + misspelled.stderr);
  assert.match(misspelled.stdout, /API_URL is not set here, and API_ULR is: did you mean that one\?/);
  const first = await deploy([], { API_URL: "https://api.hello.internal/" });
  assert.equal(first.code, 0, first.stdout + first.stderr);
  const stable = (await scene.serviceStatus("hello")).stable?.id;

  const refused = await deploy(["--config"], { API_URL: "http://localhost:39417/" });
  assert.equal(refused.code, 4, refused.stdout + refused.stderr);
  assert.match(refused.stdout + refused.stderr, /fail {2}config: API_URL is an address of the machine itself, in production/);
  const { rollout, stable: after } = await scene.serviceStatus("hello");
  assert.equal(after?.id, stable);
  const facts = await scene.facts(rollout?.rollout ?? "");
  assert.deepEqual(
    facts.map(({ kind }) => kind),
    ["rollout-requested", "preflight-ended", "rollout-refused"],
  );
  assert.ok(!JSON.stringify(facts).includes("localhost"), "the value stands in no entry");

  const changed = await deploy(["--config"], { API_URL: "https://api2.hello.internal/" });
  assert.equal(changed.code, 0, changed.stdout + changed.stderr);
});

test("a release without the annotated tag of its version is stopped, and deploy --tag makes it and records it", async (t) => {
  const scene = openScene(t);
  await scene.up();
  const repository = await createRepository(join(scene.place.folder, "hello"));
  await repository.commitFile("server.js", server);
  await repository.commitFile("VERSION", "1.0.0\n");
  await repository.commitFile("belay.yml", manifest('{ tag: "v{version}" }'));
  const refused = await scene.deploy(repository, { code: 4 });
  assert.match(refused.reason, /tag: there is no tag v1\.0\.0/);
  const person = { GIT_COMMITTER_NAME: "Ann", GIT_COMMITTER_EMAIL: "ann@hello.internal" };
  const tagged = await scene.belay(["deploy", "--tag"], { cwd: repository.folder, env: person });
  assert.equal(tagged.code, 0, tagged.stdout + tagged.stderr);
  const [asked] = await scene.facts((await scene.serviceStatus("hello")).rollout?.rollout ?? "");
  assert.ok(asked?.kind === "rollout-requested" && asked.rolloutKind === "deploy");
  assert.deepEqual([asked.tag?.name, asked.tag?.commit, asked.tag?.isAnnotated], ["v1.0.0", asked.commit, true]);
});

test("a configuration with which the release that serves does not start closes the way back, and stops the new one", async (t) => {
  const scene = openScene(t);
  await scene.up();
  const repository = await createRepository(join(scene.place.folder, "hello"));
  const needs = (name: string) =>
    `if (!process.env.${name}) throw new Error("${name} is not set beside " + process.env.TOKEN);\n${server}`;
  const withConfig = (contract: string, values: string) =>
    manifest("{}")
      .replace("environments:\n", `config: { ${contract}, TOKEN: { secret: true } }\nenvironments:\n`)
      .replace(" }] }", ` }], config: { ${values}, TOKEN: { from: secret } } }`);
  await scene.expectBelay(["secret", "set", "TOKEN", "--service", "hello"], { input: "hunter2-of-the-shop\n" });
  await repository.commitFile("server.js", needs("SHOP_URL"));
  await repository.commitFile("belay.yml", withConfig("SHOP_URL: { type: url }", "SHOP_URL: { value: https://shop.internal/ }"));
  const first = await scene.deploy(repository);
  const processes = findProcesses(scene.place.dataFolder).length;
  const left = () => readdirSync(join(scene.place.dataFolder, "instances")).filter((name) => name.includes("trial"));

  await repository.commitFile("server.js", needs("STORE_URL"));
  await repository.commitFile(
    "belay.yml",
    withConfig("STORE_URL: { type: url }", "STORE_URL: { value: https://shop.internal/ }"),
  );
  const refused = await scene.deploy(repository, { code: 4 });
  const seen = refused.checks.find(({ check }) => check === "rollback");
  assert.match(
    seen?.findings[0]?.message ?? "",
    /^\S+, which serves now, does not start with the configuration of this release \(without SHOP_URL\), so that there is no way back to it: it ended with exit code 1 before it answered\n(?:.*\n)?.*Error: SHOP_URL is not set beside \[secret\]$/,
  );
  await waitFor("no process is left", () => findProcesses(scene.place.dataFolder).length === processes);
  assert.deepEqual(left(), []);
  assert.equal((await scene.serviceStatus("hello")).stable?.id, first.release);

  // Both names first: that release is a way back to itself.
  const both = withConfig("SHOP_URL: {}, STORE_URL: {}", "SHOP_URL: { value: a }, STORE_URL: { value: a }");
  await repository.commitFile("belay.yml", both);
  const promoted = await scene.deploy(repository);
  assert.equal(promoted.outcome, "promoted", JSON.stringify(promoted));
  assert.match(promoted.checks.find(({ check }) => check === "rollback")?.summary ?? "", /it answered after \d/);
  assert.deepEqual(left(), []);
});
