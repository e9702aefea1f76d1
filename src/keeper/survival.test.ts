import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { readProcess } from "../ports/processes.ts";
import { ask, askFirst, TestKeepers, until } from "./test-keepers.ts";

// Goal: what runs survives its keeper, and what should run comes back, whoever is killed.
// Method: kill the real processes, in different orders, and ask the visitors' socket all the while.
const keepers = new TestKeepers();

test("when the keeper is killed no connection fails, and the next keeper finds the same processes", async () => {
  await keepers.with(async ({ client, port, pid, status }) => {
    await client.run(keepers.worker("worker"));
    const worker = await askFirst(port);
    const first = await pid();
    process.kill(first, "SIGKILL");
    for (let request = 0; request < 200; request += 1) assert.equal(await ask(port), worker);
    await until("another keeper answers", async () => (await pid()) !== first);
    assert.equal(String((await status("worker")).pid), worker);
    // Adopted, so not a child: its end is seen all the same.
    process.kill(Number(worker), "SIGKILL");
    await until(
      "it was started again",
      async () => (await status("worker")).exits === 1 && (await status("worker")).state === "running",
    );
    assert.notEqual(await ask(port), worker);
  });
});

test("keeper, worker, holder, keeper killed one after the other: every connection is answered", async () => {
  await keepers.with(async ({ client, port, pid, holderPid, status }) => {
    await client.run(keepers.worker("worker"));
    await askFirst(port);
    let isOver = false;
    const load = (async () => {
      let answered = 0;
      for (; !isOver; answered += 1) await ask(port);
      return answered;
    })();
    const killKeeper = async () => {
      const old = await pid();
      process.kill(old, "SIGKILL");
      await until("another keeper answers", async () => (await pid()) !== old);
    };
    const killHolder = async () => {
      await until("a holder runs", () => holderPid() !== 0);
      const old = holderPid();
      process.kill(old, "SIGKILL");
      await until("another holder runs", () => ![0, old].includes(holderPid()));
    };
    const killWorker = async () => {
      const { pid: old } = await status("worker");
      assert.ok(old !== null);
      // Between two connections, so that none is in its hands: stopped first, it accepts nothing more.
      process.kill(old, "SIGTERM");
      await until("another worker runs", async () => ![null, old].includes((await status("worker")).pid));
    };
    for (const kill of [killKeeper, killWorker, killHolder, killWorker, killKeeper, killHolder, killWorker]) await kill();
    isOver = true;
    assert.ok((await load) > 0);
  });
});

test("a keeper that cannot start ends, and is tried again until it can", async () => {
  await keepers.with(async ({ client, data, pid, status }) => {
    await client.run(keepers.worker("worker"));
    const worker = (await status("worker")).pid;
    const state = join(data, "keeper/processes.json");
    const whole = readFileSync(state, "utf8");
    const first = await pid();
    writeFileSync(state, "{ half");
    process.kill(first, "SIGKILL");
    const log = join(data, "logs/keeper.log");
    await until("the next one says why", () => readFileSync(log, "utf8").includes("BELAY_KEEPER_STATE_UNREADABLE"));
    writeFileSync(state, whole);
    await until("another keeper answers", async () => (await pid()) !== first);
    assert.equal((await status("worker")).pid, worker);
  });
});

test("keeper and holder killed at once: the next start stops who still holds the sockets, adopts the rest and answers again", async () => {
  await keepers.with(async ({ client, data, port, pid, holderPid, status, startAgain }) => {
    await client.run(keepers.worker("worker"));
    await client.run(keepers.spec("instance", "setInterval(() => {}, 1e6);"));
    const worker = await askFirst(port);
    const instance = (await status("instance")).pid;
    await until("a holder runs", () => holderPid() !== 0);
    for (const half of [await pid(), holderPid()]) process.kill(half, "SIGSTOP");
    for (const half of keepers.running(`er\0${data}`)) process.kill(half, "SIGKILL");
    assert.equal(await ask(port), worker);
    await until("both are gone", () => keepers.running(`er\0${data}`).length === 0);
    await startAgain();
    assert.notEqual(await askFirst(port), worker);
    assert.equal((await status("instance")).pid, instance);
  });
});

test("what should run runs again after a shutdown and a cold start, and nothing runs in between", async () => {
  await keepers.with(async ({ client, data, port, shutDown, startAgain }) => {
    await client.run(keepers.worker("worker"));
    const worker = await askFirst(port);
    await shutDown();
    await until("nothing runs", () => keepers.running(data).length === 0);
    assert.equal(readProcess(Number(worker)), undefined);
    assert.ok(!existsSync(join(data, "run/keeper.sock")));
    await startAgain();
    assert.notEqual(await askFirst(port), worker);
  });
});

test("after a restart of the machine nothing is adopted, everything is started", async () => {
  await keepers.with(async ({ client, data, port, status, shutDown, startAgain }) => {
    await client.run(keepers.worker("worker"));
    await askFirst(port);
    await shutDown();
    // The test itself is what runs under the pid that was noted: it must be left alone.
    const mine = readProcess(process.pid);
    const record = {
      name: "worker",
      pid: process.pid,
      startedAtTicks: mine?.startedAtTicks,
      exits: 2,
      lastExit: "",
      graceMs: 0,
      isRetiring: false,
    };
    writeFileSync(
      join(data, "keeper/running.json"),
      JSON.stringify({ version: 1, bootId: "an earlier one", processes: [record] }),
    );
    await startAgain();
    assert.equal(await askFirst(port), String((await status("worker")).pid));
    assert.deepEqual([(await status("worker")).exits, (await status("worker")).lastExit], [3, "the machine was restarted"]);
  });
});
