import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { type TestKeeper, TestKeepers, until } from "./test-keepers.ts";

// Goal: what runs once is never started a second time, whoever is killed, and how it ended is kept until it is asked to be forgotten.
// Method: processes that append a line to a file for each start.
const keepers = new TestKeepers();

function once(name: string, script: string) {
  const file = join(keepers.folder, `${name}.runs`);
  const noted = `require("fs").appendFileSync(${JSON.stringify(file)}, "run\\n"); ${script}`;
  const runs = () => (existsSync(file) ? readFileSync(file, "utf8").split("\n").length - 1 : 0);
  return { spec: keepers.spec(name, noted, { isOnce: true }), runs };
}

async function killKeeper({ pid }: TestKeeper): Promise<void> {
  const first = await pid();
  process.kill(first, "SIGKILL");
  await until("another keeper answers", async () => (await pid()) !== first);
}

test("it ends once, its exit is kept over a keeper and a shutdown, and a second ask starts nothing", async () => {
  await keepers.with(async (keeper) => {
    const { client, status } = keeper;
    const { spec, runs } = once("migrate", "process.exit(3)");
    await client.run(spec);
    await until("it has ended", async () => (await status("migrate")).state === "ended");
    const before = await status("migrate");
    assert.deepEqual([before.exits, before.lastExit, before.isEndUnseen], [1, "exit code 3", false]);
    assert.ok(before.ranMs > 0);
    await client.run({ ...spec, env: { TEST: "another" } });
    await killKeeper(keeper);
    assert.deepEqual(await status("migrate"), before);
    await keeper.shutDown();
    await keeper.startAgain();
    assert.deepEqual(await status("migrate"), before);
    assert.equal(runs(), 1);
    await client.stop("migrate", 0);
    assert.deepEqual(await client.list(), []);
  });
});

test("one that outlives its keeper goes on, and its end is one that nobody saw", async () => {
  await keepers.with(async (keeper) => {
    const { client, status } = keeper;
    const { spec, runs } = once("long", "setInterval(() => {}, 1e6)");
    await client.run(spec);
    await until("it runs", () => runs() === 1);
    const { pid } = await status("long");
    await killKeeper(keeper);
    assert.deepEqual([(await status("long")).state, (await status("long")).pid], ["running", pid]);
    process.kill(pid ?? 0, "SIGKILL");
    await until("its end is noticed", async () => (await status("long")).state === "ended");
    assert.equal((await status("long")).isEndUnseen, true);
    assert.equal(runs(), 1);
  });
});

test("one that is stopped with its keeper is not started by the next", async () => {
  await keepers.with(async (keeper) => {
    const { spec, runs } = once("cut", "setInterval(() => {}, 1e6)");
    await keeper.client.run(spec);
    await until("it runs", () => runs() === 1);
    await keeper.shutDown();
    await keeper.startAgain();
    const { state, isEndUnseen, lastExit } = await keeper.status("cut");
    assert.deepEqual([state, isEndUnseen, lastExit], ["ended", true, "it was stopped together with the keeper"]);
    assert.equal(runs(), 1);
  });
});
