import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { BelayError } from "../errors.ts";
import { parseManifest } from "../manifest/parse-manifest.ts";
import { ManualClock } from "../ports/manual-clock.ts";
import { createSeededRandom } from "../ports/random.ts";
import type { ResolveRequest } from "./configs.ts";
import { openConfigs } from "./open-configs.ts";
import { createMemoryFiles, openSealedFiles, type SealedFiles } from "./sealed-files.ts";

const place = { environment: "production", service: "shop" };
const url = "postgres://shop:hunter22@db/shop";

const manifest = `version: 1
service: shop
run: { command: x }
release: { secrets: [NPM_TOKEN] }
environments:
  production:
    routes: [{ host: "*" }]
    config: { REGION: { value: eu }, TIMEOUT_MS: { from: env }, KEY: { command: make-key } }
config:
  DATABASE_URL: { type: url, secret: true, differs: true }
  REGION: { enum: [eu, us] }
  TIMEOUT_MS: { type: int, min: 100 }
  KEY: { secret: true, pattern: "k-[0-9]+" }
  DEBUG: { type: bool, default: false }
  NOTE: { required: false }
`;

function open(files: SealedFiles = createMemoryFiles(createSeededRandom(1)), output = "k-12") {
  const configs = openConfigs({ files, clock: new ManualClock(), runCommand: async () => output });
  const resolve = (changes: Partial<ResolveRequest> = {}, text = manifest) => {
    const parsed = parseManifest(text, "belay.yml");
    assert.ok(parsed.ok);
    const { config: contract, environments, release } = parsed.manifest;
    const sources = environments["production"]?.config ?? {};
    const sent = { TIMEOUT_MS: "2000" };
    return configs.resolve({
      place,
      contract,
      sources,
      neededSecrets: release.secrets,
      sent,
      kept: null,
      by: "ada",
      mayCompare: () => true,
      ...changes,
    });
  };
  return { configs, resolve };
}

test("every source is resolved once, and the same values are the same version", async () => {
  const { configs, resolve } = open();
  configs.setSecrets(place, { DATABASE_URL: url, NPM_TOKEN: "npm-token" }, "ada");
  const version = (await resolve()) ?? "";
  assert.deepEqual(configs.variables(place, version), {
    plain: { DEBUG: "false", REGION: "eu", TIMEOUT_MS: "2000" },
    secret: { DATABASE_URL: url, KEY: "k-12" },
  });
  assert.equal(await resolve(), version);
  assert.notEqual(await resolve({ sent: { TIMEOUT_MS: "3000" } }), version);
  configs.setSecrets(place, { DATABASE_URL: url.replace("hunter22", "hunter23") }, "bob");
  assert.notEqual(await resolve(), version);
  assert.equal(configs.variables(place, version).secret["DATABASE_URL"], url, "a version never changes");
  assert.throws(() => configs.variables({ ...place, environment: "staging" }, version), { code: "BELAY_CONFIG_VERSION_UNKNOWN" });
});

test("it is shown who gave each value and when, a secret as its fingerprint", async () => {
  const { configs, resolve } = open();
  configs.setSecrets(place, { DATABASE_URL: url, NPM_TOKEN: "npm-token" }, "ada");
  const shown = configs.show(place, (await resolve({ by: "bob" })) ?? "");
  const { fingerprint, ...secret } = shown.values.find(({ name }) => name === "DATABASE_URL") ?? { fingerprint: "" };
  assert.match(fingerprint, /^[0-9a-f]{12}$/);
  assert.deepEqual(secret, {
    name: "DATABASE_URL",
    isSecret: true,
    value: null,
    source: "secret",
    by: "ada",
    at: shown.resolved.at,
  });
  assert.equal(shown.values.find(({ name }) => name === "REGION")?.value, "eu");
  assert.ok(!JSON.stringify(shown).includes("hunter22"));
});

test("what was set as a secret stays one, whatever belay.yml declares", async () => {
  const { configs, resolve } = open();
  configs.setSecrets(place, { DATABASE_URL: url, NPM_TOKEN: "npm-token" }, "ada");
  const text = manifest
    .replace("type: url, secret: true, differs: true", "type: url")
    .replace("KEY: { command: make-key }", "KEY: { command: make-key }, DATABASE_URL: { from: secret }");
  const version = (await resolve({}, text)) ?? "";
  assert.equal(configs.variables(place, version).secret["DATABASE_URL"], url);
  assert.ok(!JSON.stringify(configs.show(place, version)).includes("hunter22"));
});

test("all problems are told at once, each with its remedy and none with a value", async () => {
  const { configs, resolve } = open(undefined, "not-a-key-of-hunter22");
  configs.setSecrets(place, { DATABSE_URL: url }, "ada");
  await assert.rejects(resolve({ sent: { TIMEOUT_MS: "soon-hunter22" } }), (error) => {
    assert.ok(error instanceof BelayError);
    assert.equal(error.code, "BELAY_CONFIG_REFUSED");
    for (const expected of [
      /has 4 problems/,
      /DATABASE_URL is a secret that was not set\n {4}DATABSE_URL is set and nothing asks for it: did you mean that one\?/,
      /belay secret set DATABASE_URL --service shop --environment production/,
      /TIMEOUT_MS is no whole number\n {4}Correct TIMEOUT_MS in the environment/,
      /KEY does not match k-\[0-9\]\+/,
      /NPM_TOKEN is a secret of the build or of a source that was not set/,
    ])
      assert.match(error.message, expected);
    assert.ok(!error.message.includes("hunter22"));
    return true;
  });
  await assert.rejects(
    resolve({ sent: {} }),
    /TIMEOUT_MS is not set in the environment of whoever deploys\n {4}Run `export TIMEOUT_MS=/,
  );
});

test("a value that must differ may be in no other environment, and one is kept that a config release is not sent", async () => {
  const { configs, resolve } = open();
  configs.setSecrets(place, { DATABASE_URL: url, NPM_TOKEN: "npm-token" }, "ada");
  const version = await resolve();
  assert.notEqual(await resolve({ sent: {}, kept: version }), null);
  configs.setSecrets({ ...place, environment: "staging" }, { DATABASE_URL: url }, "ada");
  await assert.rejects(resolve(), /DATABASE_URL has the same value as in staging/);
  await resolve({ mayCompare: () => false });
});

test("a secret from the environment is refused that could not be masked", async () => {
  const { resolve } = open();
  const text = manifest.replace("KEY: { command: make-key }", "KEY: { from: env }");
  await assert.rejects(resolve({ sent: { KEY: "k-1", TIMEOUT_MS: "2000" } }, text), /KEY is too short for a secret/);
});

test("a hostile pattern is given up in time", async () => {
  const { resolve } = open(undefined, `${"k".repeat(40)}!`);
  await assert.rejects(
    resolve({}, manifest.replace("k-[0-9]+", "(k+)+")),
    /KEY cannot be matched with its pattern in reasonable time/,
  );
});

test("secrets have versions, are unset, and refused as a whole when one cannot be kept or masked", () => {
  const { configs } = open();
  configs.setSecrets(place, { TOKEN: "first-value" }, "ada");
  assert.deepEqual(configs.nextVersions(place, { TOKEN: "x-value", OTHER: "y-value" }), { TOKEN: 2, OTHER: 1 });
  const [second] = configs.setSecrets(place, { TOKEN: "second-value" }, "bob");
  assert.deepEqual([second?.version, second?.by], [2, "bob"]);
  for (const values of [
    { "A-B": "long-enough" },
    { PORT: "long-enough" },
    { A: "abc" },
    { A: "nul\0byte" },
    { A: "x".repeat(40_000) },
  ])
    assert.throws(() => configs.setSecrets(place, { TOKEN: "third-value", ...values }, "ada"), { code: "BELAY_SECRET_INVALID" });
  assert.equal(configs.listSecrets(place)[0]?.version, 2);
  assert.equal(configs.unsetSecret(place, "TOKEN", "ada").fingerprint, null);
  assert.throws(() => configs.unsetSecret(place, "TOKEN", "ada"), { code: "BELAY_SECRET_UNKNOWN" });
  assert.throws(() => configs.secretValues(place, ["TOKEN"]), { code: "BELAY_SECRET_UNKNOWN" });
  const staging = { ...place, environment: "staging" };
  assert.deepEqual(configs.listSecrets(staging), []);
  // Else whoever sets secrets in one and sees both could try guesses.
  const fingerprintOf = (of: typeof place) => configs.setSecrets(of, { TOKEN: "the-same-value" }, "ada")[0]?.fingerprint;
  assert.notEqual(fingerprintOf(staging), fingerprintOf(place));
  assert.equal(fingerprintOf(place), fingerprintOf(place));
});

test("on disk nothing can be read without the key, and no second key is made while there is something to read", (t) => {
  const folder = mkdtempSync(join(tmpdir(), "belay-config-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const options = { folder: join(folder, "data/config"), keyFile: join(folder, "data.key"), random: createSeededRandom(1) };
  const { configs } = open(openSealedFiles(options));
  assert.deepEqual(configs.listSecrets(place), []);
  configs.setSecrets(place, { TOKEN: "planted-value" }, "ada");
  const [file = ""] = readdirSync(options.folder);
  const path = join(options.folder, file);
  assert.ok(!readFileSync(path, "utf8").includes("planted") && !readFileSync(path, "utf8").includes("TOKEN"));
  assert.equal(open(openSealedFiles(options)).configs.secretValues(place, ["TOKEN"])["TOKEN"], "planted-value");
  rmSync(options.keyFile);
  assert.throws(() => open(openSealedFiles(options)).configs.listSecrets(place), { code: "BELAY_CONFIG_KEY_MISSING" });
  writeFileSync(options.keyFile, Buffer.alloc(32, 7), { mode: 0o600 });
  assert.throws(() => open(openSealedFiles(options)).configs.listSecrets(place), { code: "BELAY_CONFIG_DAMAGED" });
});

test("what preflight may know of values: what they look like and where they are too, and nothing of them", async () => {
  const { configs, resolve } = open(undefined, "k-12");
  const staging = { ...place, environment: "staging" };
  configs.setSecrets(
    place,
    { DATABASE_URL: "postgres://shop:changeme@localhost/shop", NPM_TOKEN: "npm-token", NOTES: "some" },
    "ada",
  );
  configs.setSecrets(staging, { SIGNING_KEY: "k-12", DATABASE_URL: url }, "ada");
  const { manifest: parsed } = parseOf(manifest);
  await resolve({
    place: staging,
    sources: { ...parsed.environments["production"]?.config, NOTE: { kind: "value", value: "hi" } },
    neededSecrets: [],
  });
  const asked = { contract: parsed.config, mayCompare: () => true };
  const version = await resolve();
  const given = configs.given(place, version, asked);
  const doubted = given.values.filter(({ doubts, sameIn }) => doubts.length + sameIn.length > 0);
  assert.deepEqual(doubted, [
    { name: "DATABASE_URL", doubts: ["placeholder", "this-machine"], sameIn: [] },
    {
      name: "KEY",
      doubts: [],
      sameIn: [
        { environment: "staging", name: "KEY" },
        { environment: "staging", name: "SIGNING_KEY" },
      ],
    },
  ]);
  assert.deepEqual(given.missing, [{ name: "NOTE", near: "NOTES" }]);
  assert.ok(given.elsewhere["staging"]?.includes("NOTE"));
  for (const secret of ["changeme", "k-12", "hunter22", "2000"]) assert.ok(!JSON.stringify(given).includes(secret), secret);
  assert.deepEqual(configs.given(place, null, asked).values, []);
  const untold = configs.given(place, version, { ...asked, mayCompare: (own, other) => own.environment === other });
  assert.ok(untold.values.every(({ sameIn }) => sameIn.length === 0));
});

function parseOf(text: string) {
  const parsed = parseManifest(text, "belay.yml");
  assert.ok(parsed.ok);
  return parsed;
}
