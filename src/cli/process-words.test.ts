import assert from "node:assert/strict";
import { test } from "node:test";
import { aStatus } from "../api/fake-views.ts";
import type { JobView, ProcessView, ServiceView } from "../api/views.ts";
import { checkProcesses } from "./process-words.ts";
import { describeStatus } from "./status.ts";

const worker: ProcessView = { kind: "worker", name: "worker", release: "r-1a2b", state: "running", exits: 0, reason: "" };
const job: JobView = {
  kind: "job",
  name: "nightly",
  release: "r-1a2b",
  schedule: { kind: "time", hour: 3, minute: 0, weekday: null, zone: "Europe/Paris" },
  next: "2026-01-03T02:00:00Z",
  running: null,
  last: {
    due: "2026-01-02T02:00:00Z",
    release: "r-1a2b",
    startedAt: "2026-01-02T02:00:00.1Z",
    outcome: "ended",
    exitCode: 0,
    how: "exit code 0",
    durationMs: 4_200,
  },
  missed: { count: 0, last: null },
  skipped: { count: 0, last: null },
};

function serviceWith(...processes: readonly ProcessView[]): ServiceView {
  const [service] = aStatus().services;
  assert.ok(service);
  return { ...service, processes };
}

test("status shows each worker, and of each job its next and its last run", () => {
  const looping = { ...worker, state: "crash-loop" as const, exits: 7, reason: "ended last with exit code 1\nlines" };
  const late = { ...job, missed: { count: 2, last: "2026-01-01T02:00:00Z" } };
  const text = describeStatus(aStatus({ services: [serviceWith(looping, late)] }));
  assert.match(text, /worker worker of r-1a2b: crash loop, ended by itself 7 times: ended last with exit code 1\n/);
  assert.match(text, /job nightly of r-1a2b: every day at 03:00 Europe\/Paris; next 2026-01-03 02:00:00\n/);
  assert.match(text, /last: due 2026-01-02 02:00:00, exit code 0 after 4\.2 s\n/);
  assert.match(text, /missed 2 times, last 2026-01-01 02:00:00/);
});

test("doctor is content with what runs well, and names what does not", () => {
  assert.deepEqual(checkProcesses(serviceWith()), []);
  assert.deepEqual(
    checkProcesses(serviceWith(worker, job)).map(({ level }) => level),
    ["pass"],
  );
  assert.ok(job.last !== null);
  const ill: JobView = {
    ...job,
    last: { ...job.last, outcome: "unknown", exitCode: null, how: "the machine was restarted", durationMs: null },
    missed: { count: 1, last: "2026-01-01T02:00:00Z" },
  };
  const findings = checkProcesses(serviceWith({ ...worker, state: "failed" }, ill));
  assert.deepEqual(
    findings.map(({ level, words }) => `${level}: ${words}`),
    [
      "warn: worker worker of r-1a2b: cannot be started",
      "warn: job nightly: due 2026-01-02 02:00:00, unknown: the machine was restarted",
      "warn: job nightly: missed 1 time, last 2026-01-01 02:00:00",
    ],
  );
});
