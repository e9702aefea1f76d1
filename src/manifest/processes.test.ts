import assert from "node:assert/strict";
import { test } from "node:test";
import { describeProblems, parseManifest } from "./parse-manifest.ts";

const head = `version: 1
service: shop
run: { command: node server.js, memory: 64MB }
environments: { production: { routes: [{ host: "*" }] } }
processes:
`;

function processesOf(lines: string) {
  const parsed = parseManifest(head + lines, "belay.yml");
  assert.ok(parsed.ok, parsed.ok ? "" : describeProblems(parsed.problems));
  return parsed.manifest.processes;
}

function problemsOf(lines: string): string {
  const parsed = parseManifest(head + lines, "belay.yml");
  assert.ok(!parsed.ok, "the manifest was accepted");
  return describeProblems(parsed.problems);
}

test("a worker and jobs, with every default filled in", () => {
  const written = `  worker: { command: node worker.js, with: promotion }
  nightly: { command: node report.js, every: "03:00", zone: Europe/Paris, memory: 32MB }
  weekly: { command: node weekly.js, every: "sun 23:59", timeout: 5m }
  often: { command: node often.js, every: 10m }
`;
  const memoryBytesMax = 64e6;
  assert.deepEqual(processesOf(written), [
    { kind: "worker", name: "worker", command: "node worker.js", memoryBytesMax, aliveAfterMs: 10_000 },
    {
      kind: "job",
      name: "nightly",
      command: "node report.js",
      memoryBytesMax: 32e6,
      schedule: { kind: "time", hour: 3, minute: 0, weekday: null, zone: "Europe/Paris" },
      timeoutMs: 3_600_000,
    },
    {
      kind: "job",
      name: "weekly",
      command: "node weekly.js",
      memoryBytesMax,
      schedule: { kind: "time", hour: 23, minute: 59, weekday: 7, zone: "UTC" },
      timeoutMs: 300_000,
    },
    {
      kind: "job",
      name: "often",
      command: "node often.js",
      memoryBytesMax,
      schedule: { kind: "period", periodMs: 600_000 },
      timeoutMs: 3_600_000,
    },
  ]);
});

const refused: Readonly<Record<string, readonly [string, RegExp]>> = {
  "neither with nor every": ["  worker: { command: x }\n", /belay\.yml:6:\d+ processes\.worker: .*neither with: nor every:/],
  "both with and every": ["  worker: { command: x, with: promotion, every: 10m }\n", /worker or a job, not both/],
  "a misspelled key": ["  worker: { comand: x, with: promotion }\n", /Did you mean command\?/],
  "another word than promotion": ["  worker: { command: x, with: release }\n", /found "release" where the word promotion/],
  "a zone that is misspelled": ['  n: { command: x, every: "03:00", zone: Europe/Pris }\n', /Did you mean Europe\/Paris\?/],
  "a zone that nothing is near": ['  n: { command: x, every: "03:00", zone: Moon/Tranquility }\n', /IANA database/],
  "a zone for a duration": ["  n: { command: x, every: 10m, zone: Europe/Paris }\n", /10m is the same in every zone/],
  "a zone for a worker": ["  n: { command: x, with: promotion, zone: UTC }\n", /needs no zone/],
  "an hour that no day has": ['  n: { command: x, every: "25:00" }\n', /found "25:00" where a time of day/],
  "a time without quotes, which is text all the same": ["  n: { command: x, every: 3:00 }\n", /found "3:00" where a time of day/],
  "a period below a second": ["  n: { command: x, every: 100ms }\n", /found "100ms" where a time of day/],
  "a period above a day": ["  n: { command: x, every: 25h }\n", /found "25h" where a time of day/],
  "a timeout for a worker": ["  n: { command: x, with: promotion, timeout: 1m }\n", /it has no timeout/],
  "a time to be alive for a job": ["  n: { command: x, every: 10m, aliveAfter: 1m }\n", /nothing to be alive/],
  "a name that is a number": ["  7: { command: x, every: 10m }\n", /cannot be the name of a process/],
};

for (const [what, [lines, words]] of Object.entries(refused)) {
  test(`${what} is refused, with the line and what to write`, () => {
    assert.match(problemsOf(lines), words);
  });
}
