import assert from "node:assert/strict";
import { test } from "node:test";
import type { ConfigVersionView } from "../config/configs.ts";
import { releaseNamed } from "../rollout/rollout.builder.ts";
import type { Release } from "../rollout/rollout.ts";
import { bootTrialOf } from "./boot-trial.ts";
import { LoopWorld } from "./control-loop.fixture.ts";

const names: Readonly<Record<string, readonly string[]>> = { old: ["API_URL", "REGION"], new: ["REGION"] };
const configs = {
  show: (_: unknown, version: string): ConfigVersionView => ({
    version,
    resolved: { by: "ann", at: "" },
    values: (names[version] ?? []).map((name) => ({
      name,
      isSecret: false,
      value: "x",
      fingerprint: "",
      source: "value",
      by: "ann",
      at: "",
    })),
  }),
};
const task = { name: "migrate", command: "node migrate.js", timeoutMs: 1_000 };

async function serving(more: Partial<Release>) {
  const world = new LoopWorld();
  await world.serve("a");
  const { service } = world;
  const stable = { ...releaseNamed("a"), ...more };
  return { ...service, stable: stable.id, releases: { [stable.id]: stable } };
}

test("it is started with the configuration of the new release, and what it loses by that is named", async () => {
  const started: Release[] = [];
  const trial = bootTrialOf({
    service: await serving({ config: "old" }),
    rollout: { config: "new" },
    tasks: [],
    configs,
    tryBoot: async (release) => {
      started.push(release);
      return { kind: "answered", afterMs: 5 };
    },
  });
  assert.deepEqual([trial?.isConfigNew, trial?.gone], [true, ["API_URL"]]);
  await trial?.run(new AbortController().signal);
  assert.deepEqual(
    started.map(({ config, digest }) => [config, digest]),
    [["new", releaseNamed("a").digest]],
  );
});

test("other tasks are a reason too; nothing new, and nothing that serves, is none", async () => {
  const tryBoot = () => assert.fail("nobody asked for it");
  const of = (service: Awaited<ReturnType<typeof serving>> | undefined, config: string | undefined, tasks = [task]) =>
    bootTrialOf({ service, rollout: { config }, tasks, configs, tryBoot });
  const withTask = await serving({ config: "old", tasks: [task] });
  const other = of(withTask, "old", [{ ...task, command: "node other.js" }]);
  assert.deepEqual([other?.isConfigNew, other?.gone], [false, []]);
  assert.equal(of(withTask, "old"), null);
  assert.equal(of(undefined, "old"), null);
  assert.equal(of({ ...withTask, stable: null as never }, "old"), null);
  const dropped = of(withTask, undefined);
  assert.deepEqual(dropped?.gone, ["API_URL", "REGION"]);
});
