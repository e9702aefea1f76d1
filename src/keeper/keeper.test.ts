import assert from "node:assert/strict";
import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, readlinkSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import os from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { listProcesses, readProcess } from "../ports/processes.ts";
import { ask, askFirst, TestKeepers, until } from "./test-keepers.ts";

// Goal: a keeper starts, watches and stops processes as its protocol says, and says why it cannot start.
// Method: the real program on a temporary folder; workers are one-liners.
const keepers = new TestKeepers();

test("a process gets exactly its environment, its socket and its key, and its output in its log", async () => {
  await keepers.with(async ({ client, data, status }) => {
    const key = join(keepers.folder, "visitor.key");
    writeFileSync(key, "k".repeat(32), { mode: 0o600 });
    const script = `const fs = require("fs");
      const fd = Number(/visitor=(\\d+)/.exec(process.env.BELAY_KEYS)[1]);
      console.log(JSON.stringify({ env: process.env, key: fs.readFileSync(fd, "utf8") })); setInterval(() => {}, 1e6);`;
    await client.run(keepers.spec("reader", script, { sockets: ["http"], keys: { visitor: key } }));
    const log = join(data, "logs/reader.log");
    await until("the process has written", () => existsSync(log) && readFileSync(log, "utf8").includes("\n"));
    assert.deepEqual(JSON.parse(readFileSync(log, "utf8")), {
      env: { TEST: "reader", BELAY_SOCKETS: "http=3", BELAY_KEYS: "visitor=4" },
      key: "k".repeat(32),
    });
    assert.equal((await status("reader")).state, "running");
    assert.equal(statSync(log).mode & 0o777, 0o600);
  });
});

test("a process inherits no descriptor of the keeper beyond those it was given, also from a keeper that the holder started", async () => {
  await keepers.with(async ({ client, pid, status }) => {
    const first = await pid();
    process.kill(first, "SIGKILL");
    await until("another keeper answers", async () => (await pid()) !== first);
    await client.run(keepers.spec("bare", "setInterval(() => {}, 1e6);"));
    const child = (await status("bare")).pid ?? 0;
    const sockets = readdirSync(`/proc/${child}/fd`).filter((fd) => targetOf(child, fd).startsWith("socket:"));
    assert.deepEqual(sockets, []);
  });
});

/** A process that starts opens and closes descriptors of its own; those that it was started with stay. */
function targetOf(pid: number, fd: string): string {
  try {
    return readlinkSync(`/proc/${pid}/fd/${fd}`);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return "";
    throw cause;
  }
}

test("what is in the background gives way with all its threads and children, and nothing else does", async () => {
  await keepers.with(async ({ client, data, status }) => {
    const script = `const child = require("child_process").spawn(process.execPath, ["-e", "setInterval(() => {}, 1e6)"]);
      child.on("spawn", () => console.log(child.pid)); setInterval(() => {}, 1e6);`;
    const own = os.getPriority();
    for (const [name, changes, expected] of [
      ["behind", { isBackground: true }, Math.max(10, own)],
      ["among", {}, own],
    ] as const) {
      // It may have run for long when the keeper comes to it: what counts is how it stands when the keeper says that it runs.
      await client.run(keepers.spec(name, script, changes));
      const log = join(data, `logs/${name}.log`);
      await until("it has written", () => existsSync(log) && readFileSync(log, "utf8").includes("\n"));
      const processes = [(await status(name)).pid ?? 0, Number(readFileSync(log, "utf8"))];
      const threads = processes.flatMap((pid) => readdirSync(`/proc/${pid}/task`).map(Number));
      assert.ok(threads.length > 2, "Node has threads of its own");
      const niceness = new Set(threads.flatMap((thread) => nicenessOf(thread) ?? []));
      assert.deepEqual(niceness, new Set([expected]), name);
      await client.stop(name, 0);
    }
  });
});

/** Undefined when the thread has ended meanwhile. */
function nicenessOf(thread: number): number | undefined {
  try {
    return os.getPriority(thread);
  } catch (cause) {
    if ((cause as { readonly info?: { readonly code?: string } }).info?.code === "ESRCH") return undefined;
    throw cause;
  }
}

test("a process that ends is started again at once the first time, then after pauses, and every end is told and counted", async () => {
  await keepers.with(async ({ client, status }) => {
    const exits: string[] = [];
    client.onExit(({ name, lastExit }) => exits.push(`${name}: ${lastExit}`));
    const startedMs = performance.now();
    await client.run(keepers.spec("crasher", "process.exit(3)"));
    await until("it ended five times", () => exits.length >= 5);
    // Pauses before the second to fifth start: 0, 100, 200 and 400 ms.
    assert.ok(performance.now() - startedMs >= 700);
    assert.deepEqual(exits.slice(0, 2), ["crasher: exit code 3", "crasher: exit code 3"]);
    assert.ok((await status("crasher")).exits >= 4);
    assert.equal((await status("crasher")).lastExit, "exit code 3");
  });
});

test("a command that does not exist is an end like any other", async () => {
  await keepers.with(async ({ client, status }) => {
    await client.run(keepers.spec("missing", "", { argv: ["/nowhere/at-all"] }));
    await until("it is counted", async () => (await status("missing")).exits > 0);
    assert.match((await status("missing")).lastExit, /could not be started/);
  });
});

test("run is idempotent, and another spec ends with the new process alone", async () => {
  await keepers.with(async ({ client, port, status }) => {
    await client.run(keepers.worker("worker"));
    const first = await askFirst(port);
    await client.run(keepers.worker("worker"));
    assert.equal((await status("worker")).pid, Number(first));
    await client.run(keepers.worker("worker", { env: { TEST: "another" } }));
    await until("only the new one answers", async () => (await ask(port)) !== first && readProcess(Number(first)) === undefined);
    assert.equal(String((await status("worker")).pid), await ask(port));
  });
});

test("stop waits for the end, kills after the grace what ignores SIGTERM, and ends what the process left behind", async () => {
  await keepers.with(async ({ client, data, status }) => {
    const stubborn = `process.on("SIGTERM", () => {}); setInterval(() => {}, 1e6);`;
    const child = `${stubborn} console.log("up"); /* ${keepers.folder} */`;
    // The shell ends on SIGTERM; the server that it started does not.
    const shell = { argv: ["/bin/sh", "-c", `true && ${keepers.program.node} -e '${child}' && true`] };
    await client.run(keepers.spec("stubborn", "", shell));
    const leader = (await status("stubborn")).pid ?? 0;
    const log = join(data, "logs/stubborn.log");
    await until("the server below the shell runs", () => existsSync(log) && readFileSync(log, "utf8").includes("up"));
    const server = listProcesses().find(({ parentPid }) => parentPid === leader)?.pid ?? 0;
    assert.ok(server > 0);
    await client.stop("stubborn", 300);
    assert.equal(readProcess(leader)?.isZombie ?? true, true);
    assert.equal(readProcess(server)?.isZombie ?? true, true);
    assert.deepEqual(await client.list(), []);
    assert.deepEqual(JSON.parse(readFileSync(join(data, "keeper/processes.json"), "utf8")).processes, []);
    await client.stop("stubborn", 300);
  });
});

test("a process tree above its memory limit is killed, and says so", async () => {
  await keepers.with(async ({ client, status }) => {
    const greedy = `const child = require("child_process").spawn(process.execPath, ["-e", "/* ${keepers.folder} */ globalThis.b = Buffer.alloc(300e6, 1); setInterval(() => {}, 1e6)"]); setInterval(() => {}, 1e6);`;
    await client.run(keepers.spec("greedy", greedy, { memoryBytesMax: 250_000_000 }));
    await until("it was killed", async () => (await status("greedy")).exits > 0);
    assert.equal((await status("greedy")).lastExit, "memory above 250 MB");
  });
});

test("SIGTERM to the keeper is a shutdown", async () => {
  await keepers.with(async ({ client, data, pid, port, startAgain }) => {
    await client.run(keepers.worker("worker"));
    await askFirst(port);
    process.kill(await pid(), "SIGTERM");
    await until("nothing runs", () => keepers.running(data).length === 0);
    await assert.rejects(ask(port), { code: "ECONNREFUSED" });
    await startAgain();
  });
});

test("a shutdown stops who holds a private socket first and who answers visitors last", async () => {
  await keepers.with(async ({ client, data, shutDown, startAgain }) => {
    const order = join(data, "order");
    const noting = (name: string, sockets: readonly string[]) =>
      keepers.spec(
        name,
        `process.on("SIGTERM", () => { require("fs").appendFileSync("${order}", "${name} "); process.exit(); }); console.log("up"); setInterval(() => {}, 1e6);`,
        { sockets },
      );
    for (const one of [noting("proxy", ["http"]), noting("control", ["api", "workers"]), noting("instance", [])])
      await client.run(one);
    const isUp = (name: string) =>
      existsSync(join(data, `logs/${name}.log`)) && readFileSync(join(data, `logs/${name}.log`), "utf8").includes("up");
    await until("all are up", () => ["proxy", "control", "instance"].every(isUp));
    await shutDown();
    assert.equal(readFileSync(order, "utf8"), "control instance proxy ");
    assert.deepEqual(readdirSync(join(data, "run")), [], "the next keeper may be started at once");
    await startAgain();
  });
});

test("a log above its limit is copied and cut while its process goes on writing", async () => {
  await keepers.with(async ({ client, data }) => {
    await client.run(keepers.spec("talker", `setInterval(() => console.log("line"), 20);`));
    const log = join(data, "logs/talker.log");
    await until("it writes", () => existsSync(log) && statSync(log).size > 0);
    appendFileSync(log, Buffer.alloc(11 * 1024 * 1024, "x\n"));
    await until("it was rotated", () => existsSync(`${log}.1`) && statSync(log).size < 1024 * 1024);
    await until("it still writes", () => readFileSync(log, "utf8").startsWith("line"));
    assert.ok(statSync(`${log}.1`).size > 10 * 1024 * 1024);
  });
});

test("a port in use is told to whoever starts the keeper, with the address and what to do, and nothing is left", async () => {
  const blocker = createServer().listen(0, "127.0.0.1").unref();
  await new Promise((resolve) => blocker.once("listening", resolve));
  const address = blocker.address();
  const port = typeof address === "object" ? address?.port : 0;
  const data = join(keepers.folder, "blocked");
  const start = keepers.start(data, `127.0.0.1:${port}`);
  await assert.rejects(start, {
    code: "BELAY_KEEPER_PORT_IN_USE",
    message: `another program listens on 127.0.0.1:${port} already`,
    next: /--listen/,
  });
  blocker.close();
  await until("the keeper has ended", () => keepers.running(data).length === 0);
  assert.deepEqual(readdirSync(join(data, "run")), []);
});

test("a second keeper on one data folder is refused", async () => {
  await keepers.with(async ({ data, client, pid }) => {
    const first = await pid();
    const start = keepers.start(data, "127.0.0.1:0");
    await assert.rejects(start, { code: "BELAY_KEEPER_PORT_IN_USE" });
    assert.equal((await client.hello()).pid, first);
  });
});

test("a keeper that cannot read its state says so at its start and leaves no holder", async () => {
  const data = join(keepers.folder, "broken");
  mkdirSync(join(data, "keeper"), { recursive: true });
  writeFileSync(join(data, "keeper/processes.json"), JSON.stringify({ version: 99, processes: [] }));
  const start = keepers.start(data, "127.0.0.1:0");
  await assert.rejects(start, { code: "BELAY_KEEPER_STATE_UNREADABLE" });
  await until("nothing is left", () => keepers.running(data).length === 0);
});
