import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { BelayError } from "../../errors.ts";
import { silentLog } from "../../ports/log.ts";
import { ManualClock } from "../../ports/manual-clock.ts";
import { createSeededRandom } from "../../ports/random.ts";
import { releaseNamed } from "../../rollout/rollout.builder.ts";
import type { KeptProcess, KeptSpec } from "./process-keeper.ts";
import { openProcessRuntime, type ProcessRuntime } from "./process-runtime.ts";
import { noVariables } from "./release-environment.ts";

// Goal: what happens around the edges, where a real keeper and real processes come only by chance. The rest is the contract's.

/** A keeper that notes what it is asked to run, and the runtime over it. */
function openWithKeeper(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), "belay-runtime-"));
  const clock = new ManualClock();
  const kept = new Map<string, KeptProcess>();
  const asked: string[] = [];
  const keeper = {
    isAway: false,
    asked,
    run: async ({ name, env, sealedEnv }: KeptSpec) => {
      asked.push(`run ${name}${sealedEnv === undefined ? "" : " with secrets"}`);
      if (keeper.isAway) throw new BelayError({ code: "BELAY_KEEPER_UNREACHABLE", message: "no keeper", next: "Wait." });
      kept.set(name, { name, pid: 1, state: "running", exits: 0, lastExit: "", isEndUnseen: false, ranMs: 0, logFile: "", env });
    },
    stop: async (name: string) => {
      asked.push(`stop ${name}`);
      kept.delete(name);
    },
    list: async () => [...kept.values()],
    onExit: () => () => {},
  };
  const open = (): ProcessRuntime =>
    openProcessRuntime({
      keeper,
      folderOf: async () => folder,
      nodeFolder: "/usr/bin",
      config: {
        variablesOf: ({ config }) => (config === undefined ? noVariables : { plain: {}, secret: { TOKEN: "hunter22" } }),
        seal: () => `sealed ${asked.length}`,
        outputFilter: {
          name: "output",
          argv: ["filter"],
          cwd: "/",
          env: { BELAY_PROGRAM: "2" },
          sockets: [],
          keys: {},
          memoryBytesMax: null,
          graceMs: 0,
        },
      },
      folder: join(folder, "instances"),
      logTail: async () => "",
      probe: { health: async () => ({ status: 200 }), listening: () => [] },
      clock,
      random: createSeededRandom(1),
      log: silentLog,
    });
  let runtime = open();
  t.after(() => {
    runtime.close();
    rmSync(folder, { recursive: true });
  });
  return {
    folder,
    kept,
    keeper,
    runtime: () => runtime,
    /** The control plane is started anew. */
    reopen: () => {
      runtime.close();
      runtime = open();
    },
    /** Time in which each instance is asked. */
    pass: async () => {
      for (let count = 0; count < 3; count += 1) {
        clock.advance(100);
        await turn();
      }
    },
  };
}

const release = releaseNamed("a1");

test("an instance that ended once, long ago, is ready at the first look of the next control plane", async (t) => {
  const { kept, runtime, reopen, pass } = openWithKeeper(t);
  await runtime().start(release, 1);
  await pass();
  const [process_] = kept.values();
  assert.ok(process_ !== undefined);
  kept.set(process_.name, { ...process_, exits: 4, lastExit: "signal SIGKILL" });
  reopen();
  const [instance] = await runtime().list();
  assert.equal(instance?.state, "ready");
  assert.match(instance.reason, /ended last with signal SIGKILL/);
});

test("a keeper that is away for a moment is no fault of the release", async (t) => {
  const { keeper, runtime } = openWithKeeper(t);
  keeper.isAway = true;
  await assert.rejects(runtime().start(release, 1), { code: "BELAY_KEEPER_UNREACHABLE" });
  assert.deepEqual(await runtime().list(), []);
  keeper.isAway = false;
  await runtime().start(release, 1);
  assert.equal((await runtime().list()).length, 1);
});

test("an instance whose record was damaged is shown as one that nobody can ask", async (t) => {
  const { folder, kept, runtime, reopen } = openWithKeeper(t);
  await runtime().start(release, 1);
  const [name = ""] = kept.keys();
  writeFileSync(join(folder, "instances", `${name}.json`), "{ half");
  reopen();
  const [instance] = await runtime().list();
  assert.equal(instance?.state, "failed");
  assert.match(instance.reason, /its record .* is missing/);
});

test("a scratch folder that cannot be removed keeps no instance from being stopped", async (t) => {
  const { folder, kept, runtime } = openWithKeeper(t);
  await runtime().start(release, 1);
  const [name = ""] = kept.keys();
  const record = join(folder, "instances", `${name}.json`);
  // A folder cannot be removed as a file is: the failure that a right that is missing gives, for root as well.
  rmSync(record);
  mkdirSync(join(record, "inside"), { recursive: true });
  await runtime().stop(name, 0);
  assert.deepEqual(await runtime().list(), []);
  assert.ok(existsSync(record));
});

test("what runs once and what works in the background has its secrets as instances do, and is not replaced for another seal", async (t) => {
  const { keeper, runtime } = openWithKeeper(t);
  const configured = { ...releaseNamed("b"), config: "1" };
  const id = "shop.production.b.task-migrate.1";
  const task = { id, kind: "task", name: "migrate", release: configured, command: "node migrate.js" } as const;
  await runtime().tasks.start(task);
  assert.deepEqual(keeper.asked.splice(0), ["run output", `run ${id} with secrets`]);
  const worker = { kind: "worker", name: "mail", command: "node mail.js", memoryBytesMax: null, aliveAfterMs: 0 } as const;
  await runtime().workers.start(configured, worker);
  await runtime().workers.start(configured, worker);
  const ofWorker = (await runtime().workers.list()).map((run) => `run ${run.id} with secrets`);
  assert.deepEqual(keeper.asked, ["run output", ...ofWorker, "run output"]);
});

test("an instance with secrets is started when its output can be masked, by a filter of this program and by one alone", async (t) => {
  const { keeper, kept, runtime } = openWithKeeper(t);
  await runtime().start(releaseNamed("a"), 1);
  assert.deepEqual(keeper.asked, ["run shop.production.a.0"]);
  await runtime().start({ ...releaseNamed("b"), config: "1" }, 1);
  assert.deepEqual(keeper.asked.slice(1), ["run output", "run shop.production.b.0 with secrets"]);
  const filter = kept.get("output");
  assert.ok(filter !== undefined);
  kept.set("output", { ...filter, env: { BELAY_PROGRAM: "1" } });
  await runtime().start({ ...releaseNamed("c"), config: "1" }, 1);
  assert.deepEqual(keeper.asked.slice(3), ["stop output", "run output", "run shop.production.c.0 with secrets"]);
});
