import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { standardListen } from "../keeper/command.ts";
import { openKeeperClient } from "../keeper/keeper-client.ts";
import { startKeeper } from "../keeper/start-keeper.ts";
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
  const clock = createSystemClock();
  await startKeeper({ program: { node: process.execPath, main }, dataFolder: data, listen: standardListen(data, "127.0.0.1:0") });
  const keeper = openKeeperClient(standardListen(data, "")["keeper"] ?? "", { clock });
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
      probe: systemProbe,
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
      return someRelease({
        id: `r${count}`,
        environment,
        commit: behaviour,
        startTimeoutMs: behaviour === "silent" ? 2_000 : 20_000,
      });
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
    waitsMax: 800,
    close: async () => {
      runtime.close();
      await keeper.shutdown();
      rmSync(folder, { recursive: true });
    },
  };
});

function someRelease(options: {
  readonly id: string;
  readonly environment: string;
  readonly commit: string;
  readonly startTimeoutMs: number;
}): Release {
  const { startTimeoutMs, ...rest } = options;
  const run = {
    command: "node server.js",
    instances: 1,
    health: "/up",
    startTimeoutMs,
    drainTimeoutMs: 1_000,
    memoryBytesMax: null,
  };
  return { ...rest, service: "shop", isDirty: false, digest: "d", fileCount: 1, bytes: 1, run, routes: [], expose: "previews" };
}
