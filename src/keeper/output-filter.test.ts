import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { configKeyFile, openConfigKey } from "../ports/config-key.ts";
import { createSystemRandom } from "../ports/random.ts";
import { createSealing, environmentPurpose } from "../ports/sealing.ts";
import { keeperPaths } from "./command.ts";
import { type TestKeeper, TestKeepers, until } from "./test-keepers.ts";

// Goal: what a process with sealed variables writes is on disk without their values, whoever is killed meanwhile.
// Method: the real program on a temporary folder; the process writes what a file tells it to.
const keepers = new TestKeepers();
const value = "hunter22-planted";

const talker = `const fs = require("fs"); let said = 0;
  setInterval(() => { const lines = fs.existsSync(process.env.SAY) ? fs.readFileSync(process.env.SAY, "utf8").split("\\n").slice(0, -1) : [];
    for (; said < lines.length; said += 1) fs.writeSync(1, lines[said].replaceAll("$", process.env.PASSWORD) + "\\n"); }, 10);
  fs.writeSync(1, process.env.PASSWORD.slice(0, 7)); setTimeout(() => fs.writeSync(2, process.env.PASSWORD.slice(7) + " in two parts\\n"), 30);`;

async function openTalker({ client, data }: TestKeeper) {
  const random = createSystemRandom();
  const sealing = createSealing(openConfigKey(configKeyFile(data), random), random);
  const say = join(keepers.folder, `say-${random.float()}`);
  writeFileSync(say, "");
  const filter = { argv: [keepers.program.node, keepers.program.main, "output", data] };
  await client.run(keepers.spec("output", "", filter));
  const sealedEnv = sealing.seal(JSON.stringify({ PASSWORD: value }), environmentPurpose);
  await client.run(keepers.spec("talker", talker, { env: { SAY: say }, sealedEnv }));
  const log = () => {
    const file = join(data, "logs/talker.log");
    return existsSync(file) ? readFileSync(file, "utf8") : "";
  };
  return {
    log,
    say: async (line: string, shown: string) => {
      writeFileSync(say, `${line}\n`, { flag: "a" });
      await until(`the log says ${shown}`, () => log().includes(`${shown}\n`));
    },
  };
}

async function killFilter({ status }: TestKeeper): Promise<void> {
  const { pid } = await status("output");
  assert.ok(pid !== null);
  process.kill(pid, "SIGKILL");
}

function everythingIn(folder: string): string {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return files.map(({ parentPath, name }) => readFileSync(join(parentPath, name), "latin1")).join("\n");
}

test("a value is masked before it reaches the disk, also one that comes in two parts, and is in no file of the keeper's", async () => {
  await keepers.with(async (keeper) => {
    const { say, log } = await openTalker(keeper);
    await until("the parts were put together", () => log().includes("[secret] in two parts\n"));
    await say("my password is $!", "my password is [secret]!");
    assert.ok(!everythingIn(keeper.data).includes(value));
    await keeper.client.stop("talker", 1_000);
    assert.deepEqual(readdirSync(keeperPaths(keeper.data).output), []);
  });
});

test("the process lives through the end of the filter and of the keeper, and what it writes meanwhile is masked later", async () => {
  await keepers.with(async (keeper) => {
    const { say, log } = await openTalker(keeper);
    await say("one $", "one [secret]");
    const { pid } = await keeper.status("talker");
    await killFilter(keeper);
    await say("two $", "two [secret]");
    const keeperPid = await keeper.pid();
    await killFilter(keeper);
    process.kill(keeperPid, "SIGKILL");
    await say("three $", "three [secret]");
    await until("another keeper answers", async () => (await keeper.pid()) !== keeperPid);
    assert.equal((await keeper.status("talker")).pid, pid);
    assert.ok(!log().includes(value));
  });
});

test("a whole restart finds the sealed variables, and without the key the process is not started and says why", async () => {
  await keepers.with(async (keeper) => {
    const { say } = await openTalker(keeper);
    await say("one $", "one [secret]");
    await keeper.shutDown();
    await keeper.startAgain();
    await say("two $", "two [secret]");
    await keeper.shutDown();
    rmSync(configKeyFile(keeper.data));
    await keeper.startAgain();
    await until("it is told what is missing", async () => /the key .* is missing/.test((await keeper.status("talker")).lastExit));
  });
});

test("of a command that runs once everything is in the log when it has ended, also when it ends before the filter is there", async () => {
  await keepers.with(async (keeper) => {
    const { client, data, status } = keeper;
    const random = createSystemRandom();
    const sealing = createSealing(openConfigKey(configKeyFile(data), random), random);
    const sealedEnv = sealing.seal(JSON.stringify({ PASSWORD: value }), environmentPurpose);
    const filter = { argv: [keepers.program.node, keepers.program.main, "output", data] };
    await client.run(keepers.spec("output", "", filter));
    const argv = ["/bin/sh", "-c", "echo first $PASSWORD; printf 'last without an end hunter22'"];
    // The same name again and again, as a job has it.
    for (const time of [1, 2, 3]) {
      await client.run(keepers.spec("once", "", { argv, env: {}, sealedEnv, isOnce: true }));
      await until("it has ended", async () => (await status("once")).state === "ended");
      const text = readFileSync(join(data, "logs/once.log"), "utf8");
      assert.equal(text, "first [secret]\nlast without an end hunter22".repeat(time));
      await client.stop("once", 0);
    }
  });
});
