import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { keeperPaths } from "../keeper/command.ts";
import { keeperProtocol } from "../keeper/protocol.ts";
import { readJsonLines, sendJsonLine } from "../ports/json-lines.ts";
import { ManualClock } from "../ports/manual-clock.ts";
import { createSeededRandom } from "../ports/random.ts";
import { createPlatform, parseLastError, versionBefore } from "./start-platform.ts";

test("the last error of a log is found among whatever else a process wrote", () => {
  const known = JSON.stringify({ level: "error", message: "no room", code: "BELAY_DISK", next: "Free some." });
  const crash = "node:internal/process:1\nthrow it;\n{ half: 'of', an: 'object' }\nNode.js v26";
  const found = parseLastError(`{"level":"info","message":"ready"}\n${known}\n${crash}`);
  assert.deepEqual([found?.code, found?.message, found?.next], ["BELAY_DISK", "no room", "Free some."]);
  assert.equal(parseLastError(crash), undefined);
});

test("a program is replaced where a process of Belay's own is of another version, and not where a service's is", () => {
  const own = (name: string, version: string) => ({ name, env: { BELAY_PROGRAM: version } });
  const wanted = [own("control", "2"), own("proxy-1", "2")];
  assert.equal(versionBefore([own("control", "1"), own("proxy-1", "1")], wanted), "1");
  assert.equal(versionBefore([own("control", "2"), own("proxy-1", "1")], wanted), "1", "it was cut off half way");
  assert.equal(versionBefore([own("control", "2"), own("shop.production.a1.0", "1")], wanted), null);
  assert.equal(versionBefore([], wanted), null);
});

test("a keeper that takes its time is there, and is not taken for gone", async (t) => {
  const dataFolder = mkdtempSync(join(tmpdir(), "belay-slow-keeper-"));
  const { socket: path } = keeperPaths(dataFolder);
  mkdirSync(dirname(path), { recursive: true });
  const clock = new ManualClock();
  const server = createServer((socket) => {
    socket.on("error", () => socket.destroy());
    readJsonLines(socket, (message) => {
      const { id } = message as { readonly id: number };
      if (id === 0) clock.advance(10_000);
      sendJsonLine(socket, { id, ok: true, result: { protocol: keeperProtocol, pid: 1 } });
    });
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  t.after(() => {
    server.close();
    rmSync(dataFolder, { recursive: true });
  });
  const platform = createPlatform({ program: { node: "node", main: "main.ts" }, clock, random: createSeededRandom(1) });
  assert.equal(await platform.isRunning({ dataFolder }), true);
});
