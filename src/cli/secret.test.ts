import assert from "node:assert/strict";
import { test } from "node:test";
import { aSecret } from "../api/fake-views.ts";
import { BelayError } from "../errors.ts";
import { openDesk } from "./cli.fixture.ts";

const of = ["--service", "shop"];

test("a secret comes from standard input, loses one line's end, and is written nowhere", async (t) => {
  const desk = await openDesk(t);
  desk.input = "hunter22 \n";
  const { code, stdout, stderr } = await desk.run("secret", "set", "TOKEN", ...of, "--environment", "staging");
  assert.equal(code, 0, stderr);
  assert.match(
    stdout,
    /TOKEN of shop in staging is set: version 2\.\nIt takes effect with the next rollout: `belay deploy --config`/,
  );
  assert.doesNotMatch(stdout + stderr, /hunter22/);
  const { method, request } = desk.inside.asked[0] ?? {};
  assert.equal(method, "setSecrets");
  assert.deepEqual(request, { environment: "staging", service: "shop", values: { TOKEN: "hunter22 " } });
});

test("import takes a dotenv file, list shows fingerprints, unset says that releases keep it", async (t) => {
  const desk = await openDesk(t);
  desk.input = 'export A_TOKEN="one two"\n# not this\nB_TOKEN=three\n';
  assert.equal((await desk.run("secret", "import", ...of)).code, 0);
  assert.deepEqual((desk.inside.asked[0]?.request as { readonly values: object }).values, {
    A_TOKEN: "one two",
    B_TOKEN: "three",
  });
  desk.inside.secrets = [aSecret(), aSecret({ name: "OLD", fingerprint: null })];
  const { stdout } = await desk.run("secret", "list", ...of);
  assert.match(stdout, /TOKEN +2 +a1b2c3d4e5f6 +ada/);
  assert.match(stdout, /OLD +2 +\(unset\)/);
  assert.match((await desk.run("secret", "unset", "OLD", ...of)).stdout, /forgotten/);
});

test("an empty input, a value in the arguments and an unknown action are refused, and no message repeats a value", async (t) => {
  const desk = await openDesk(t);
  assert.match((await desk.run("secret", "set", "TOKEN", ...of)).stderr, /BELAY_CLI_NO_INPUT/);
  const third = await desk.run("secret", "set", "TOKEN", "hunter22", ...of);
  assert.equal(third.code, 2);
  assert.doesNotMatch(third.stderr, /hunter22/);
  assert.match((await desk.run("secret", "rotate", ...of)).stderr, /BELAY_CLI_SECRET_ACTION/);
  assert.match((await desk.run("secret", "set", ...of)).stderr, /secret set needs the name of a secret/);
});

test("a configuration that is refused ends with the exit code of a refusal", async (t) => {
  const desk = await openDesk(t);
  desk.inside.failure = new BelayError({
    code: "BELAY_CONFIG_REFUSED",
    message: "TOKEN is a secret that was not set",
    next: "Set it.",
  });
  desk.input = "hunter22";
  const { code, stderr } = await desk.run("secret", "set", "TOKEN", ...of);
  assert.equal(code, 4);
  assert.match(stderr, /Error: TOKEN is a secret that was not set\nNext: {2}Set it\./);
});
