import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { getPriority, tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleepFor, setImmediate as turn } from "node:timers/promises";
import { runCommand, streamCommand } from "./command.ts";
import { readProcess } from "./processes.ts";

const place = { cwd: "/", env: { PATH: "/usr/bin:/bin" } };
const shell = (script: string) => ({ ...place, argv: ["sh", "-c", script] }) as const;

async function* chunksOf(...texts: readonly string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield Buffer.from(text);
}

test("an end is reported with exit code and both outputs, and nothing of the caller's environment", async () => {
  const end = await runCommand(shell("env; echo wrong >&2; exit 3"));
  assert.equal(end.exitCode, 3);
  assert.equal(end.stderr, "wrong\n");
  assert.deepEqual(
    end.stdout
      .toString()
      .split("\n")
      .filter((line) => !/^(PATH|PWD|SHLVL|_|OLDPWD)=/.test(line)),
    [""],
  );
});

test("what runs in the background gives way, with what it starts", async () => {
  const inner = "awk '{ print $19 }' /proc/self/stat";
  // It is given its input when it gives way already: how long the machine took for that does not count.
  const { stdout } = await runCommand({
    ...shell(`read begin; ${inner}; sh -c "${inner.replaceAll("$", "\\$")}"`),
    stdin: "begin\n",
    isBackground: true,
  });
  const niceness = Math.max(10, getPriority());
  assert.equal(stdout.toString(), `${niceness}\n${niceness}\n`);
});

test("a program that is not there, and a folder that is not there, are named", async () => {
  await assert.rejects(runCommand({ ...place, argv: ["no-such-program"] }), {
    code: "BELAY_COMMAND_MISSING",
    message: /no-such-program/,
  });
  await assert.rejects(runCommand({ ...shell("true"), cwd: "/no/such/folder" }), {
    code: "BELAY_COMMAND_MISSING",
    message: /\/no\/such\/folder/,
  });
});

test("a stream is written whole, and one that the program does not read is no failure", async () => {
  const big = "x".repeat(300_000);
  const { stdout } = await runCommand({ ...shell("wc -c"), stdin: chunksOf(big, big, "y") });
  assert.equal(stdout.toString().trim(), "600001");
  const end = await runCommand({ ...shell("exit 5"), stdin: chunksOf(big, big, big) });
  assert.equal(end.exitCode, 5);
});

test("a source that fails ends the program and is the failure", async () => {
  async function* broken(): AsyncGenerator<Uint8Array> {
    yield Buffer.from("a");
    throw new Error("the client went away");
  }
  await assert.rejects(runCommand({ ...shell("cat; sleep 60"), stdin: broken() }), /client went away/);
});

test("a source that stalls does not outlast the program", async () => {
  const stalled = { [Symbol.asyncIterator]: () => ({ next: () => new Promise<never>(() => {}) }) };
  const end = await runCommand({ ...shell("exit 4"), stdin: stalled });
  assert.equal(end.exitCode, 4);
});

test("the timeout kills the program and what it started", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { promise: said, resolve: say } = Promise.withResolvers<string>();
  const running = runCommand({
    ...shell("sleep 60 & echo $!; wait"),
    timeoutMs: 300,
    onOutput: (chunk) => say(chunk.toString()),
  });
  const pid = Number(await said);
  t.mock.timers.tick(299);
  await once(spawn("/bin/true"), "exit");
  assert.equal(readProcess(pid)?.isZombie, false);
  t.mock.timers.tick(1);
  const end = await running;
  assert.equal(end.isTimedOut, true);
  assert.equal(end.endSignal, "SIGKILL");
  await gone(pid);
});

test("what a program leaves behind is killed when it ends", async () => {
  const end = await runCommand(shell("sleep 60 >/dev/null 2>&1 & echo $!"));
  assert.equal(end.exitCode, 0);
  await gone(Number(end.stdout.toString()));
});

test("an abort kills the program and rejects with its reason", async () => {
  const controller = new AbortController();
  const running = runCommand({ ...shell("sleep 60"), signal: controller.signal });
  controller.abort(new Error("enough"));
  await assert.rejects(running, /enough/);
  await assert.rejects(runCommand({ ...shell("true"), signal: controller.signal }), /enough/);
});

test("output beyond the bound kills the program, and the end of standard error is kept", async () => {
  const cut = await runCommand({ ...shell("yes"), stdoutBytesMax: 1000 });
  assert.equal(cut.isCut, true);
  assert.ok(cut.stdout.length <= 1000);
  const { stderr } = await runCommand(shell("yes | head -c 200000 >&2; echo last >&2"));
  assert.equal(stderr.length, 64 * 1024);
  assert.ok(stderr.endsWith("last\n"));
});

test("a streamed program's output is read to its end, and its failure is told after it", async () => {
  const read = async (script: string) => {
    let text = "";
    for await (const chunk of streamCommand(
      shell(script),
      ({ exitCode, stderr }) => new Error(`${exitCode} ${stderr} after ${text}`),
    ))
      text += Buffer.from(chunk);
    return text;
  };
  assert.equal((await read("yes | head -c 500000")).length, 500_000);
  await assert.rejects(read("echo part; echo why >&2; exit 9"), /^Error: 9 why\n after part/);
});

test("what a slow reader has not taken yet is kept for it, however long the program has ended by then", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "belay-command-"));
  t.after(() => rmSync(folder, { recursive: true }));
  t.mock.timers.enable({ apis: ["setTimeout"] });
  let bytes = 0;
  // So much fits into the pipe and into what is read ahead.
  const script = `head -c 120000 /dev/zero; mkdir ${folder}/said`;
  for await (const chunk of streamCommand(shell(script), () => new Error("it ended badly"))) {
    bytes += chunk.length;
    while (!existsSync(join(folder, "said"))) await sleepFor(5);
    // What is started later is seen to end later.
    await once(spawn("/bin/true"), "exit");
    // Each piece takes it ten seconds, by the clock that counts how long the program is over.
    for (let second = 0; second < 10; second += 1) {
      t.mock.timers.tick(1_000);
      await turn();
    }
  }
  assert.equal(bytes, 120_000);
});

test("a streamed program that nobody reads on is killed", async () => {
  let pid = 0;
  for await (const chunk of streamCommand(shell("echo $$; exec yes"), () => new Error("never"))) {
    pid = Number.parseInt(Buffer.from(chunk).toString(), 10);
    break;
  }
  await gone(pid);
});

/** The kernel ends a killed process when it gets to it. */
async function gone(pid: number): Promise<void> {
  assert.ok(pid > 1);
  for (const deadlineMs = performance.now() + 60_000; performance.now() < deadlineMs; ) {
    const facts = readProcess(pid);
    if (facts === undefined || facts.isZombie) return;
    await sleepFor(10);
  }
  assert.fail(`process ${pid} still runs`);
}
