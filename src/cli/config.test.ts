import assert from "node:assert/strict";
import { test } from "node:test";
import type { ConfigView } from "../api/views.ts";
import { openDesk } from "./cli.fixture.ts";
import { differences } from "./config.ts";

const region: ConfigView["values"][number] = {
  name: "REGION",
  isSecret: false,
  value: "eu",
  fingerprint: "1",
  source: "value",
  by: "belay.yml",
  at: "2026-01-01T00:00:00Z",
};
const token = {
  ...region,
  name: "TOKEN",
  isSecret: true,
  value: null,
  fingerprint: "f00d",
  source: "secret" as const,
  by: "ada",
};

test("config show has each value with who gave it, and a secret's fingerprint", async (t) => {
  const desk = await openDesk(t);
  desk.inside.config = { ...desk.inside.config, values: [region, token] };
  const { code, stdout } = await desk.run("config", "show", "shop");
  assert.equal(code, 0);
  assert.match(stdout, /Release r-1a2b, config 0123456789ab/);
  assert.match(stdout, /REGION +eu +value +belay\.yml/);
  assert.match(stdout, /TOKEN +\(secret f00d\) +secret +ada/);
});

test("what two configurations differ in is what came, what went and what changed", () => {
  const names = (before: readonly (typeof region)[], after: readonly (typeof region)[]) =>
    differences({ values: before }, { values: after }).map(
      ({ name, from, to }) => `${name} ${from?.fingerprint} ${to?.fingerprint}`,
    );
  assert.deepEqual(names([region, token], [region, token]), []);
  assert.deepEqual(names([region], [{ ...region, fingerprint: "2" }, token]), ["REGION 1 2", "TOKEN undefined f00d"]);
  assert.deepEqual(names([token], []), ["TOKEN f00d undefined"]);
});

test("config diff compares the releases that are named", async (t) => {
  const desk = await openDesk(t);
  const { code, stdout } = await desk.run("config", "diff", "shop", "--from", "r-1", "--release", "r-2");
  assert.equal(code, 0);
  assert.match(stdout, /From r-1 .* to r-2 .*\nNothing differs\./);
  assert.match((await desk.run("config", "get", "shop")).stderr, /BELAY_CLI_CONFIG_ACTION/);
});
