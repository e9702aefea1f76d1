import assert from "node:assert/strict";
import { test } from "node:test";
import type { MachineFacts, ModeFacts } from "../ports/machine.ts";
import { checkMachine } from "./machine-checks.ts";

const nowMs = 1_700_000_000_000;
const ownFolder: ModeFacts = { path: "/d", isOwn: true, mode: 0o700, isReadable: true, isWritable: true, changedAtMs: nowMs };
const good: MachineFacts = {
  system: "linux",
  node: "26.0.0",
  disk: { freeBytes: 50e9, totalBytes: 100e9, freeFiles: 1e6, totalFiles: 2e6, type: 0xef53 },
  memory: { availableBytes: 4e9, totalBytes: 8e9 },
  descriptorsMax: 1_048_576,
  processesMax: Number.POSITIVE_INFINITY,
  kernel: { "net.core.somaxconn": "4096", "net.ipv4.ip_local_port_range": "32768\t60999" },
  isClockKept: true,
  dataFolder: ownFolder,
  keys: [{ ...ownFolder, path: "/d/keys/a", mode: 0o600 }],
  missingKey: null,
  ledger: { ...ownFolder, path: "/d/ledger.sqlite", mode: 0o600 },
};

function levelsOf(changes: Partial<MachineFacts>): readonly string[] {
  return checkMachine({ ...good, ...changes }, nowMs)
    .filter(({ level }) => level !== "pass")
    .map(({ about, level }) => `${level} ${about}`);
}

test("of a machine in order only the missing isolation is told", () => {
  assert.deepEqual(levelsOf({}), ["warn isolation"]);
});

test("each thing that is wrong is told with a way to mend it", () => {
  const disk = { freeBytes: 1e8, totalBytes: 1e11, freeFiles: 10, totalFiles: 100, type: 0x6969 };
  const cases: readonly (readonly [Partial<MachineFacts>, readonly string[]])[] = [
    [{ system: "darwin" }, ["fail system"]],
    [{ disk }, ["fail disk", "warn disk", "warn disk"]],
    [{ disk: null }, ["warn disk"]],
    [{ memory: { availableBytes: 1e8, totalBytes: 1e9 } }, ["fail memory"]],
    [{ descriptorsMax: 1_024 }, ["fail descriptors"]],
    [{ descriptorsMax: 20_000 }, ["warn descriptors"]],
    [{ processesMax: 100 }, ["warn processes"]],
    [{ kernel: { "net.core.somaxconn": "128", "net.ipv4.ip_local_port_range": "60000 60999" } }, ["warn kernel", "warn kernel"]],
    [{ isClockKept: null }, ["warn clock"]],
    [{ ledger: { ...ownFolder, changedAtMs: nowMs + 3_600_000 } }, ["fail clock"]],
    [{ dataFolder: { ...ownFolder, mode: 0o755 } }, ["fail data folder"]],
    [{ dataFolder: { ...ownFolder, isWritable: false } }, ["fail data folder"]],
    [{ dataFolder: { ...ownFolder, isOwn: false } }, ["warn data folder"]],
    [{ keys: [{ ...ownFolder, mode: 0o644 }] }, ["fail keys"]],
    [{ missingKey: "/d.key" }, ["fail keys"]],
    [{ keys: [{ ...ownFolder, mode: 0o600, isReadable: false }] }, ["fail keys"]],
  ];
  for (const [changes, expected] of cases)
    assert.deepEqual(levelsOf(changes), [...expected, "warn isolation"], JSON.stringify(changes));
  for (const finding of checkMachine({ ...good, disk, isClockKept: false }, nowMs))
    assert.equal(finding.fix === "", finding.level === "pass", finding.about);
});
