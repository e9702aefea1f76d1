import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { keeperPaths, standardListen } from "../keeper/command.ts";
import { openKeeperClient } from "../keeper/keeper-client.ts";
import { startKeeper } from "../keeper/start-keeper.ts";
import type { Clock } from "../ports/clock.ts";
import { silentLog } from "../ports/log.ts";
import { readLastLines } from "../ports/log-tail.ts";
import { createSystemRandom } from "../ports/random.ts";
import { createSystemClock } from "../ports/system-clock.ts";
import type { Release } from "../rollout/rollout.ts";
import { systemProbe } from "../runtimes/process/probe.ts";
import { openProcessRuntime } from "../runtimes/process/process-runtime.ts";
import { noVariables } from "../runtimes/process/release-environment.ts";
import { type TestBehaviour, testRuntimeContract } from "../runtimes/runtime.contract.ts";

// Goal: the process runtime keeps the contract with a real keeper and real processes.
// Method: here, above both rooms, because the runtimes do not know the keeper.

const waitsMax = 2_400;

const servers: Record<TestBehaviour, string> = {
  good: serverOn("process.env.HOST"),
  exposed: serverOn('"0.0.0.0"'),
  silent: `console.log("the instance's last lines"); setInterval(() => {}, 1e6);`,
  crashing: `console.log("the instance's last lines"); process.exit(7);`,
};

function serverOn(host: string): string {
  return `require("http").createServer((q, r) => r.writeHead(q.url === "/up" ? 200 : 404).end()).listen(process.env.PORT, ${host});`;
}

testRuntimeContract("process", async () => {
  const folder = mkdtempSync(join(tmpdir(), "belay-runtime-"));
  const main = join(import.meta.dirname, "../main.ts");
  const data = join(folder, "data");
  const system = createSystemClock();
  let laterMs = 0;
  const clock: Clock = { ...system, monotonicMs: () => system.monotonicMs() + laterMs };
  await startKeeper({ program: { node: process.execPath, main }, dataFolder: data, listen: standardListen(data, "127.0.0.1:0") });
  const keeper = openKeeperClient(standardListen(data, "")["keeper"] ?? "", { clock: system, patienceMs: 60_000 });
  const open = () =>
    openProcessRuntime({
      keeper,
      folderOf: async ({ commit }) => join(folder, commit),
      nodeFolder: dirname(process.execPath),
      config: {
        variablesOf: () => noVariables,
        seal: () => assert.fail("there is nothing to seal"),
        outputFilter: { name: "output", argv: [], cwd: "/", env: {}, sockets: [], keys: {}, memoryBytesMax: null, graceMs: 0 },
      },
      folder: join(data, "instances"),
      logTail: readLastLines,
      // An instance that is there answers, however long a loaded machine takes for it.
      probe: { ...systemProbe, health: (target) => systemProbe.health({ ...target, timeoutMs: 60_000 }) },
      clock,
      random: createSystemRandom(),
      log: silentLog,
    });
  let runtime = open();
  let count = 0;
  return {
    runtime: () => runtime,
    release: async (behaviour, environment = "production") => {
      count += 1;
      mkdirSync(join(folder, behaviour), { recursive: true });
      writeFileSync(join(folder, behaviour, "server.js"), servers[behaviour]);
      return someRelease({ id: `r${count}`, environment, commit: behaviour });
    },
    outlastStart: async (id, { run }) => {
      const said = () => readLastLines(join(keeperPaths(data).logs, `${id}.log`), 10);
      for (let waits = 0; !(await said()).includes("last lines"); waits += 1) {
        assert.ok(waits < waitsMax, "it never spoke");
        await sleep(25);
      }
      laterMs += run.startTimeoutMs;
    },
    crash: async (id) => {
      const pid = (await keeper.list()).find(({ name }) => name === id)?.pid;
      if (typeof pid === "number") process.kill(pid, "SIGKILL");
    },
    reopen: async () => {
      runtime.close();
      runtime = open();
    },
    wait: () => sleep(25),
    waitsMax,
    close: async () => {
      runtime.close();
      await keeper.shutdown();
      rmSync(folder, { recursive: true });
    },
  };
});

function someRelease(own: Pick<Release, "id" | "environment" | "commit">): Release {
  const run = {
    command: "node server.js",
    instances: 1,
    health: "/up",
    startTimeoutMs: 600_000,
    drainTimeoutMs: 1_000,
    memoryBytesMax: null,
  };
  return { ...own, service: "shop", isDirty: false, digest: "d", fileCount: 1, bytes: 1, run, routes: [], expose: "previews" };
}
