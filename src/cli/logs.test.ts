import assert from "node:assert/strict";
import { appendFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { type Desk, openDesk } from "./cli.fixture.ts";
import { filterLines, parseLogFilter, timeOf } from "./log-filter.ts";

function write(desk: Desk, name: string, text: string): string {
  const file = join(desk.folder, name);
  writeFileSync(file, text);
  return file;
}

test("logs are shown with their instance, without what a terminal would obey", async (t) => {
  const desk = await openDesk(t);
  const file = write(desk, "one.log", "ready\n\u001b[31mred\n");
  desk.inside.logFiles = [{ instance: "shop.production.r-1.0", release: "r-1", file, isPresent: true }];
  assert.equal((await desk.run("logs", "shop")).stdout, "r-1/0 | ready\nr-1/0 | \u001b[31mred\n");
  desk.isTerminal = true;
  assert.equal((await desk.run("logs", "shop")).stdout, "r-1/0 | ready\nr-1/0 | ?[31mred\n");
  assert.equal((await desk.run("logs", "shop", "-n", "1")).stdout, "r-1/0 | ?[31mred\n");
  assert.equal((await desk.run("logs", "shop", "-n", "0")).code, 1);
  assert.match((await desk.run("logs", "shop", "--grep", "(")).stderr, /BELAY_CLI_PATTERN_INVALID/);
  assert.match((await desk.run("logs", "shop", "--since", "x")).stderr, /BELAY_CLI_SINCE_INVALID/);
});

test("the last lines that match are shown, not the matches among the last lines", async (t) => {
  const desk = await openDesk(t);
  const file = write(desk, "one.log", "error a\nerror b\nfine\nfine\n");
  desk.inside.logFiles = [{ instance: "i", release: "r-1", file, isPresent: true }];
  assert.equal((await desk.run("logs", "shop", "-n", "1", "--grep", "^error")).stdout, "i | error b\n");
  assert.match((await desk.run("logs", "shop", "--grep", "none")).stdout, /matches/);
});

test("a release that is not known is told, and a known one without lines says so", async (t) => {
  const desk = await openDesk(t);
  const unknown = await desk.run("logs", "shop", "--release", "zz");
  assert.equal(unknown.code, 1);
  assert.match(unknown.stderr, /BELAY_RELEASE_UNKNOWN/);
  const quiet = await desk.run("logs", "shop", "--release", "r-1a2b");
  assert.equal(quiet.code, 0, quiet.stderr);
  assert.match(quiet.stdout, /No instance has written/);
});

test("a worker's logs and a task's are asked for one at a time", async (t) => {
  const desk = await openDesk(t);
  const both = await desk.run("logs", "shop", "--process", "worker", "--task", "migrate");
  assert.equal(both.code, 1);
  assert.match(
    both.stderr,
    /--process worker and --task migrate.*\n.*Run `belay logs shop` with one of the two.*\n.*BELAY_CLI_PROCESS_OR_TASK/s,
  );
});

test("following goes on over new instances and a control plane that is away, until Ctrl-C", async (t) => {
  const desk = await openDesk(t);
  const file = write(desk, "one.log", "one\n");
  desk.inside.logFiles = [{ instance: "old", release: "r-1", file, isPresent: true }];
  desk.onSleep = async (count) => {
    if (count === 1) appendFileSync(file, "two\n");
    if (count === 2) await desk.stopServing();
    if (count === 3) {
      desk.inside.logFiles = [
        { instance: "new", release: "r-2", file: write(desk, "two.log", "hello\n"), isPresent: true },
        { instance: "old", release: "r-1", file, isPresent: false },
      ];
      appendFileSync(file, "last words");
      appendFileSync(file, "\n");
      await desk.serve();
    }
    if (count === 5) desk.interruption.abort();
  };
  const result = await desk.run("logs", "shop", "-f");
  assert.equal(result.code, 0, result.stderr);
  assert.equal(result.stdout, "old | one\nold | two\nold | last words\nnew | hello\n");
  assert.match(result.stderr, /asked again/);
});

test("a line without a time belongs to the line before, and lines without any time are all shown", () => {
  const now = Temporal.Instant.from("2026-01-01T12:00:00Z");
  const filter = parseLogFilter({ since: "10m", grep: undefined, now });
  const lines = ["2026-01-01T11:00:00Z old", "  at old", "2026-01-01 11:55:00,250 new", "  at new"];
  assert.deepEqual(filterLines(lines, filter), ["2026-01-01 11:55:00,250 new", "  at new"]);
  assert.deepEqual(filterLines(["a", "b"], filter), ["a", "b"]);
  assert.equal(timeOf('{"level":30,"time":1767268800123,"msg":"x"}'), 1_767_268_800_123);
  assert.equal(timeOf("[2026-01-01T13:00:00+01:00] x"), now.epochMilliseconds);
  assert.equal(timeOf("9999-99-99 99:99:99"), undefined);
});
