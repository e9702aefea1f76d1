import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import { keeperPaths, standardListen } from "../keeper/command.ts";
import { openKeeperClient } from "../keeper/keeper-client.ts";
import { startKeeper } from "../keeper/start-keeper.ts";
import type { Clock } from "../ports/clock.ts";
import { silentLog } from "../ports/log.ts";
import { readLastLines } from "../ports/log-tail.ts";
import { createSystemRandom } from "../ports/random.ts";
import { createSystemClock } from "../ports/system-clock.ts";
import { releaseNamed } from "../rollout/rollout.builder.ts";
import type { Release, RunSpec } from "../rollout/rollout.ts";
import type { WhileUp } from "../runtimes/process/boot-trials.ts";
import { systemProbe } from "../runtimes/process/probe.ts";
import { openProcessRuntime } from "../runtimes/process/process-runtime.ts";

// Goal: a trial of a release says how it came up, and leaves nothing behind, however it ends.
// Method: a real keeper and real processes; the release's variables decide how it behaves.

const server = `
const { MODE, HOST, PORT } = process.env;
console.log("mode " + MODE);
if (!MODE) throw new Error("MODE is not set");
if (MODE === "greedy") { const kept = []; setInterval(() => kept.length < 20 && kept.push(Buffer.alloc(20e6, 1)), 20); }
else if (MODE === "silent") setInterval(() => {}, 1e6);
else require("http").createServer((q, r) => r.writeHead(q.url === "/up" ? 200 : 404).end()).listen(PORT, HOST);
`;

async function openMachine(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), "belay-trial-"));
  const data = join(folder, "data");
  const bundle = join(folder, "bundle");
  mkdirSync(bundle);
  writeFileSync(join(bundle, "server.js"), server);
  const system = createSystemClock();
  let laterMs = 0;
  const clock: Clock = { ...system, monotonicMs: () => system.monotonicMs() + laterMs };
  const program = { node: process.execPath, main: join(import.meta.dirname, "../main.ts") };
  await startKeeper({ program, dataFolder: data, listen: standardListen(data, "127.0.0.1:0") });
  const keeper = openKeeperClient(standardListen(data, "")["keeper"] ?? "", { clock: system, patienceMs: 60_000 });
  const open = () =>
    openProcessRuntime({
      keeper,
      folderOf: async () => bundle,
      nodeFolder: dirname(process.execPath),
      config: {
        variablesOf: ({ config = "" }) => ({ plain: config === "" ? {} : { MODE: config }, secret: {} }),
        seal: () => assert.fail("there is nothing to seal"),
        outputFilter: { name: "output", argv: [], cwd: "/", env: {}, sockets: [], keys: {}, memoryBytesMax: null, graceMs: 0 },
      },
      folder: join(data, "instances"),
      logTail: readLastLines,
      // What is there answers, however long a loaded machine takes for it.
      probe: { ...systemProbe, health: (target) => systemProbe.health({ ...target, timeoutMs: 60_000 }) },
      clock,
      random: createSystemRandom(),
      log: silentLog,
    });
  const trialLogs = () => {
    const { logs } = keeperPaths(data);
    return existsSync(logs) ? readdirSync(logs).filter((name) => name.includes("trial")) : [];
  };
  let runtime = open();
  t.after(async () => {
    runtime.close();
    await keeper.shutdown();
    rmSync(folder, { recursive: true });
  });
  return {
    keeper,
    instances: join(data, "instances"),
    tryBoot: (mode: string, run: Partial<RunSpec> = {}, signal = new AbortController().signal) =>
      runtime.tryBoot(releaseOf(mode, run), signal),
    useWhileUp: (mode: string, whileUp: WhileUp) => runtime.tryBoot(releaseOf(mode, {}), new AbortController().signal, whileUp),
    reopen: () => {
      runtime.close();
      runtime = open();
      return runtime;
    },
    /** What trials have said that are under way. */
    logged: () =>
      trialLogs()
        .map((name) => readFileSync(join(keeperPaths(data).logs, name), "utf8"))
        .join(""),
    /** The runtime's time, which is the machine's otherwise. */
    pass: (durationMs: number) => {
      laterMs += durationMs;
    },
    left: async () => ({
      processes: (await keeper.list()).filter(({ name }) => name.includes("trial")).length,
      folders: readdirSync(join(data, "instances")),
      logs: trialLogs(),
    }),
  };
}

const nothing = { processes: 0, folders: [], logs: [] };

function releaseOf(mode: string, run: Partial<RunSpec>): Release {
  const spec = { command: "node server.js", instances: 1, health: "/up", startTimeoutMs: 600_000, drainTimeoutMs: 1_000 };
  return { ...releaseNamed("a"), config: mode, run: { ...spec, memoryBytesMax: null, ...run } };
}

async function until(isSo: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; !(await isSo()); tries += 1) {
    assert.ok(tries < 2_400, "it never became so");
    await sleep(25);
  }
}

test("a release that starts has answered, one that does not says why, and of neither anything is left", async (t) => {
  const { tryBoot, left, logged, pass } = await openMachine(t);
  const good = await tryBoot("good");
  assert.equal(good.kind, "answered");
  assert.deepEqual(await left(), nothing);

  const missing = await tryBoot("");
  assert.equal(missing.kind, "failed");
  assert.match(missing.kind === "failed" ? missing.reason : "", /^it ended with exit code 1 before it answered$/);
  assert.match(missing.kind === "failed" ? missing.lastLines : "", /MODE is not set/);
  assert.deepEqual(await left(), nothing);

  const trying = tryBoot("silent", { startTimeoutMs: 600_000 });
  await until(async () => logged().includes("mode silent"));
  pass(600_000);
  const silent = await trying;
  assert.match(
    silent.kind === "failed" ? silent.reason : "",
    /^it was not ready within 600 s: GET \/up: connection refused$/,
    JSON.stringify(silent),
  );
  assert.equal(silent.kind === "failed" ? silent.lastLines : "", "mode silent");
  assert.deepEqual(await left(), nothing);
});

test("a release that answers runs until it was used, also when that fails, and one that does not is never used", async (t) => {
  const { useWhileUp, left } = await openMachine(t);
  const seen: number[] = [];
  const ask: WhileUp = async ({ host, port }) => {
    const { status } = await fetch(`http://${host}:${port}/up`);
    seen.push(status, (await left()).processes);
  };
  assert.equal((await useWhileUp("good", ask)).kind, "answered");
  assert.deepEqual([seen, await left()], [[200, 1], nothing]);
  const failing = useWhileUp("good", () => Promise.reject(new Error("the use of it broke")));
  await assert.rejects(failing, /the use of it broke/);
  assert.deepEqual(await left(), nothing);
  assert.equal((await useWhileUp("", async () => assert.fail("it was used"))).kind, "failed");
});

test("what takes more memory than it may is ended, and that is the release's own limit", async (t) => {
  const { tryBoot, left } = await openMachine(t);
  const greedy = await tryBoot("greedy", { memoryBytesMax: 200_000_000 });
  assert.match(greedy.kind === "failed" ? greedy.reason : "", /memory above 200 MB/, JSON.stringify(greedy));
  assert.deepEqual(await left(), nothing);
});

test("a trial that is given up, and one whose control plane is gone, leave nothing behind", async (t) => {
  const { tryBoot, left, reopen, keeper, instances } = await openMachine(t);
  const isRunning = async () => (await keeper.list()).some(({ name, pid }) => name.includes("trial") && pid !== null);
  const abort = new AbortController();
  const given = tryBoot("silent", {}, abort.signal);
  given.catch(() => {});
  await until(isRunning);
  abort.abort(new Error("nobody waits for it"));
  await assert.rejects(given, /nobody waits for it/);
  assert.deepEqual(await left(), nothing);

  // Started as a trial starts it, by somebody who then does nothing more.
  const name = "shop.production.a.boot-trial";
  const argv = ["/bin/sh", "-c", "exec sleep 300"];
  const abandoned = { name, argv, cwd: "/", env: {}, sockets: [], keys: {}, memoryBytesMax: null, graceMs: 1_000 };
  await keeper.run({ ...abandoned, isOnce: true });
  assert.equal(await isRunning(), true);
  mkdirSync(join(instances, "shop.production.b.boot-trial", "tmp"), { recursive: true });
  reopen();
  await until(async () => isDeepStrictEqual(await left(), nothing));
});
