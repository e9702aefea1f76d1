import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import { getPriority } from "node:os";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { giveWay, isAlive, listeningSockets, parseListening, processTree, readProcess, residentBytes } from "./processes.ts";

test("a process is known by its pid and its start, not by its pid alone", () => {
  const me = readProcess(process.pid);
  assert.equal(me?.parentPid, process.ppid);
  assert.ok(isAlive(process.pid, me?.startedAtTicks ?? 0));
  assert.ok(!isAlive(process.pid, (me?.startedAtTicks ?? 0) + 1));
});

test("a process that has ended is not alive, and reading it is no error", async () => {
  const child = spawn("/bin/true", { detached: true });
  const facts = readProcess(child.pid ?? 0);
  await once(child, "exit");
  assert.ok(!isAlive(child.pid ?? 0, facts?.startedAtTicks ?? 0));
  assert.deepEqual(listeningSockets([child.pid ?? 0]), []);
  assert.equal(residentBytes([child.pid ?? 0]), 0);
});

test("a process that waits to be collected by its parent is not alive any more", async () => {
  // The shell starts a child and becomes a program that collects nothing; only then the child is ended.
  const child = spawn("/bin/sh", ["-c", "sleep 1000 & echo $!; exec sleep 2000"], { stdio: ["ignore", "pipe", "ignore"] });
  try {
    const [printed] = await once(child.stdout, "data");
    const pid = Number(printed);
    const deadline = performance.now() + 60_000;
    while (!readFileSync(`/proc/${child.pid}/cmdline`, "utf8").startsWith("sleep") && performance.now() < deadline)
      await sleep(5);
    process.kill(pid, "SIGKILL");
    while (readProcess(pid)?.isZombie !== true && performance.now() < deadline) await sleep(5);
    assert.equal(readProcess(pid)?.isZombie, true);
    assert.equal(isAlive(pid, readProcess(pid)?.startedAtTicks ?? 0), false);
  } finally {
    child.kill("SIGKILL");
  }
});

// Method: the kernel shows a process of many threads as ended when its first thread has, while the others free what all of them hold.
test("a killed process is alive until its last thread has ended", async () => {
  const program = "const held = Buffer.alloc(2e8, 1); console.log('up'); setInterval(() => held, 1e6)";
  const child = spawn(process.execPath, ["-e", program], { stdio: ["ignore", "pipe", "ignore"] });
  await once(child.stdout, "data");
  const pid = child.pid ?? 0;
  const startedAtTicks = readProcess(pid)?.startedAtTicks ?? 0;
  child.kill("SIGKILL");
  const deadline = performance.now() + 60_000;
  // Nothing is awaited here, so that this process cannot collect it meanwhile.
  while (isAlive(pid, startedAtTicks) && performance.now() < deadline);
  assert.equal(readdirSync(`/proc/${pid}/task`).length, 1);
});

test("the tree of a session's leader has its grandchildren, also when their parent has ended", async () => {
  const child = spawn("/bin/sh", ["-c", "(sleep 1000 & echo $!); sleep 1000"], {
    detached: true,
    stdio: ["ignore", "pipe", "ignore"],
  });
  const [orphan] = await once(child.stdout, "data");
  const leader = { pid: child.pid ?? 0, startedAtTicks: readProcess(child.pid ?? 0)?.startedAtTicks ?? 0 };
  try {
    const parentOf = (pid: number) => readProcess(readProcess(pid)?.parentPid ?? 0);
    const deadline = performance.now() + 60_000;
    while (parentOf(Number(orphan))?.sessionId === leader.pid && performance.now() < deadline) await sleep(5);
    assert.ok(processTree(leader).includes(Number(orphan)));
    assert.ok(processTree(leader).includes(leader.pid));
    assert.deepEqual(
      processTree({ ...leader, startedAtTicks: leader.startedAtTicks + 1 }),
      [],
      "another process under that pid has no tree of ours",
    );
  } finally {
    process.kill(-leader.pid, "SIGKILL");
  }
  await once(child, "exit");
});

test("the listening sockets of a process say whether others can reach them", async () => {
  const open = (host: string) =>
    new Promise<ReturnType<typeof createServer>>((resolve) => {
      const server = createServer()
        .listen(0, host, () => resolve(server))
        .unref();
    });
  const servers = await Promise.all(["127.0.0.1", "0.0.0.0"].map(open));
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  const found = listeningSockets([process.pid]);
  assert.deepEqual(
    ports.map((port) => found.find((socket) => socket.port === port)),
    [
      { host: "127.0.0.1", port: ports[0], isLoopback: true },
      { host: "0.0.0.0", port: ports[1], isLoopback: false },
    ],
  );
  for (const server of servers) server.close();
});

test("addresses of the kernel's tables are read in either family", () => {
  const line = (address: string) => ` 0: ${address}:1F90 0000:0000 0A 0:0 0:0 0 0 0 4711 1`;
  const read = (address: string) => parseListening(`header\n${line(address)}`)[0];
  assert.deepEqual(read("0100007F"), { inode: "4711", socket: { host: "127.0.0.1", isLoopback: true, port: 8080 } });
  assert.deepEqual(read("0".repeat(32))?.socket, { host: "::", isLoopback: false, port: 8080 });
  assert.deepEqual(read("00000000000000000000000001000000")?.socket, { host: "::1", isLoopback: true, port: 8080 });
  assert.deepEqual(read("0000000000000000FFFF00000100007F")?.socket, { host: "127.0.0.1", isLoopback: true, port: 8080 });
});

test("a process gives way with the threads and the children that it had already", async () => {
  const script = `const child = require("child_process").spawn("sleep", ["60"]); child.on("spawn", () => console.log(child.pid))`;
  const leader = spawn(process.execPath, ["-e", script], { detached: true, stdio: ["ignore", "pipe", "inherit"] });
  assert.ok(leader.pid !== undefined);
  try {
    const [child] = await once(leader.stdout, "data");
    giveWay(leader.pid);
    const threads = readdirSync(`/proc/${leader.pid}/task`).map(Number);
    assert.ok(threads.length > 1, "Node has threads of its own");
    const expected = Math.max(10, getPriority());
    for (const thread of [...threads, Number(child)]) assert.equal(getPriority(thread), expected);
  } finally {
    process.kill(-leader.pid, "SIGKILL");
  }
});
