import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { aPlan } from "../api/fake-plans.ts";
import { aRollout } from "../api/fake-views.ts";
import type { ChainedEntry } from "../api/views.ts";
import { MemoryLedgerDisk, openMemoryLedger } from "../ledger/memory-ledger.ts";
import { ManualClock } from "../ports/manual-clock.ts";
import type { Fact } from "../rollout/entry.ts";
import { type Desk, openDesk } from "./cli.fixture.ts";
import { describeFact } from "./entry-words.ts";
import { explainRollout } from "./explain.ts";

const evidence = {
  canary: { visitors: 20, failedVisitors: 5, requests: 40, failedRequests: 7 },
  stable: { visitors: 380, failedVisitors: 1, requests: 800, failedRequests: 1 },
  metrics: [
    { name: "errors", eValue: 1_234.5, threshold: 250 },
    { name: "slo", eValue: 3.21, threshold: 1_000 },
  ],
  scoredVisitors: 18,
  failedScoredVisitors: 5,
  excludedHarm: 0.5,
  harmedRequests: 7,
  harmedVisitors: 5,
  shieldedRequests: 0,
  lostRecords: 0,
} as const;

const facts: readonly Fact[] = [
  {
    kind: "rollout-requested",
    rolloutKind: "deploy",
    commit: "a".repeat(40),
    root: "",
    isDirty: true,
    plan: aPlan(),
    forecast: "",
  },
  { kind: "candidate-ready" },
  { kind: "verdict-failed", metric: "errors", reason: "5 of 20 against 1 of 380", evidence, heldMs: 4_200 },
  { kind: "routing-acknowledged", epoch: 3, tookMs: 4.6, evidence },
];

function openLedger(log = "log-1") {
  const clock = new ManualClock();
  const ledger = openMemoryLedger({ clock, disk: new MemoryLedgerDisk(log) });
  for (const fact of facts) {
    const actor = { kind: "system", name: "belay", via: "loop" } as const;
    const entry = { environment: "production", service: "shop", rollout: "shop-20260101-a1b2", actor, fact };
    ledger.append({ afterPosition: ledger.position, entries: [entry] });
    clock.advance(1_500);
  }
  return ledger;
}

function show(desk: Desk, ledger: ReturnType<typeof openLedger>): void {
  desk.inside.entries = ledger.read({ afterPosition: 0 });
  desk.inside.checkpoint = ledger.checkpoint();
}

test("an entry's words frighten nobody: what was stopped is not lost, and what nobody asked for did not fail", () => {
  const instance = { kind: "instance-lost", instance: "shop-0", release: "r-1", isGone: true } as const;
  assert.equal(describeFact({ ...instance, reason: "stopped" }), "instance shop-0 of r-1 is stopped");
  assert.match(describeFact({ ...instance, isGone: false, reason: "not listed" }), /was lost: not listed$/);
  const result = { blocks: false, summary: "", findings: [], findingCount: 0 };
  const checks = [
    { ...result, check: "config", status: "pass" },
    { ...result, check: "tag", status: "skipped" },
  ];
  const ended = { kind: "preflight-ended", checks } as unknown as Fact;
  assert.equal(describeFact(ended), "preflight: 1 check passed; 1 had nothing to look at");
});

test("history is a line of words for each entry, or the entries themselves", async (t) => {
  const desk = await openDesk(t);
  show(desk, openLedger());
  const { stdout } = await desk.run("history");
  assert.match(stdout, /^ENTRY +TIME \(UTC\)/);
  assert.match(
    stdout,
    /1 +2026-01-01 00:00:00 +shop\/production +belay +deploy of commit aaaaaaaaaaaa asked for \(uncommitted changes\); steps 5%, 50%/,
  );
  assert.match(
    stdout,
    /the evidence says fail \(errors\) after 4\.2 s: 5 of 20 against 1 of 380 \(7 failures reached visitors, 0 were shielded\)/,
  );
  const json = JSON.parse((await desk.run("history", "--json", "--rollout", "shop-20260101-a1b2")).stdout);
  assert.deepEqual(json, desk.inside.entries);
  assert.equal(JSON.parse((await desk.run("history", "--json", "--rollout", "other")).stdout).length, 0);
  assert.match((await desk.run("history", "--rollout", "other")).stdout, /nothing of a rollout other/);
  assert.equal((await desk.run("history", "-n", "1")).stdout.trimEnd().split("\n").length, 2);
  for (const count of ["0", "some", "1.5"])
    assert.match((await desk.run("history", "-n", count)).stderr, /BELAY_CLI_ENTRIES_INVALID/);
});

test("history reads a log of any length", async (t) => {
  const desk = await openDesk(t);
  const [first] = openLedger().read({ afterPosition: 0 });
  assert.ok(first);
  const entryAt = (position: number): ChainedEntry => ({ ...first, entry: { ...first.entry, position } });
  desk.inside.entries = Array.from({ length: 2_500 }, (_, index) => entryAt(index + 1));
  assert.equal(JSON.parse((await desk.run("history", "--json")).stdout).length, 2_500);
});

test("verify says what this client can know, and remembers what it saw", async (t) => {
  const desk = await openDesk(t);
  const ledger = openLedger();
  show(desk, ledger);
  const first = await desk.run("history", "--verify");
  assert.equal(first.code, 0);
  assert.match(first.stdout, /^consistent: .*never saw this log before/);
  assert.match((await desk.run("history", "--verify")).stdout, /^consistent: Entries 1 to 4 are the ones this client saw/);

  desk.inside.entries = ledger.read({ afterPosition: 0 }).slice(0, 3);
  const truncated = await desk.run("history", "--verify", "--json");
  assert.equal(truncated.code, 1);
  assert.equal(JSON.parse(truncated.stdout).verdict, "truncated");

  desk.inside.entries = ledger
    .read({ afterPosition: 0 })
    .map((chained) => ({ ...chained, entry: { ...chained.entry, service: "ship" } }));
  const rewritten = await desk.run("history", "--verify");
  assert.equal(rewritten.code, 1);
  assert.match(rewritten.stdout, /^rewritten:/);
});

test("verify notices a log that was replaced as a whole at the same address", async (t) => {
  const desk = await openDesk(t);
  show(desk, openLedger());
  await desk.run("history", "--verify");
  show(desk, openLedger("log-2"));
  const result = await desk.run("history", "--verify");
  assert.equal(result.code, 1);
  assert.match(result.stdout, /^rewritten: .*replaced as a whole/);
});

test("explain puts the decision first, then the evidence, the course and the numbers", async (t) => {
  const desk = await openDesk(t);
  show(desk, openLedger());
  desk.inside.rollouts = [
    aRollout({
      outcome: "aborted",
      by: "verdict",
      reason: "5 of 20 against 1 of 380",
      evidence,
      phase: { name: "aborted", by: "verdict", reason: "" },
    }),
  ];
  const { stdout, code } = await desk.run("explain", "latest");
  assert.equal(code, 0);
  const order = [
    /^shop r-2b3c in production: aborted by the evidence after 12\.3 s/,
    /On the release 5 of 20 visitors met a failure, on stable 1 of 380/,
    /fails more visitors than stable: decided, with an e-value of 1,235 against the 250/,
    /availability objective: not decided, with an e-value of 3\.21 against the 1,000/,
    /more than 50% extra failing visitors is ruled out at 95% \(tolerated: 2%\)/,
    /Harmed: 5 visitors by 7 failed answers that reached them/,
    /1\.5 s {2}the release's instances are ready/,
    /canary r-2b3c +20 +5 +40 +7/,
    /errors +1,235 +250/,
  ];
  let from = 0;
  for (const pattern of order) {
    const found = stdout.slice(from).search(pattern);
    assert.ok(found >= 0, `${pattern} in ${stdout.slice(from)}`);
    from += found;
  }
  assert.equal((await desk.run("explain", "shop")).code, 0);
  assert.equal(JSON.parse((await desk.run("explain", "shop", "--json")).stdout).entries.length, 4);
});

test("explain does not send its reader to explain", () => {
  const aborted = aRollout({ outcome: "aborted", by: "verdict", reason: "it fails", evidence });
  const words = explainRollout({ ...aborted, next: `Run \`belay explain ${aborted.rollout}\` for the evidence.` }, []);
  assert.match(words, /Next: Run `belay logs shop --release r-2b3c` to see what the release wrote, mend it, and deploy again\./);
  assert.doesNotMatch(words, /belay explain/);
  assert.match(explainRollout({ ...aborted, next: "Do this." }, []), /Next: Do this\./);
  const unbuilt = { ...aborted, release: null, next: `Run \`belay explain ${aborted.rollout}\` for the evidence.` };
  assert.doesNotMatch(explainRollout(unbuilt, []), /Next/);
});

test("explain takes the evidence of the entries when the view has none, and says so when there was none at all", () => {
  const entries = openLedger().read({ afterPosition: 0 });
  assert.match(explainRollout(aRollout(), entries), /On the release 5 of 20/);
  assert.match(explainRollout(aRollout({ evidence: null }), []), /No evidence was counted/);
  const one = explainRollout(aRollout({ evidence: { ...evidence, harmedVisitors: 1, harmedRequests: 1 } }), entries);
  assert.match(one, /Harmed: 1 visitor by 1 failed answer that reached it; shielded: \d+\./);
  const nobody = { ...evidence.canary, visitors: 0, failedVisitors: 0, requests: 0, failedRequests: 0 };
  const metrics = evidence.metrics.map((metric) => ({ ...metric, eValue: 1 }));
  const quiet = explainRollout(aRollout({ evidence: { ...evidence, canary: nobody, metrics } }), entries);
  assert.match(quiet, /No visitor reached the release, so that nothing of it was compared/);
  assert.doesNotMatch(quiet, /e-value of/);
});

test("explain latest without any rollout says so", async (t) => {
  const desk = await openDesk(t);
  assert.match((await desk.run("explain", "latest")).stderr, /BELAY_ROLLOUT_NONE/);
});

test("explain of a service that never rolled out in an environment does not take its name for a rollout's", async (t) => {
  const desk = await openDesk(t);
  const result = await desk.run("explain", "shop", "--environment", "staging");
  assert.match(result.stderr, /shop had no rollout in staging yet[\s\S]*BELAY_ROLLOUT_NONE/);
});

test("explain without a name means the service of this folder, whatever was rolled out since", async (t) => {
  const desk = await openDesk(t);
  const entries = openLedger().read({ afterPosition: 0 });
  const later = entries.map(({ entry, ...hashes }) => ({ ...hashes, entry: { ...entry, service: "tea", rollout: "tea-1" } }));
  desk.inside.entries = [...entries, ...later];
  assert.match((await desk.run("explain")).stderr, /BELAY_CLI_MISSING_SERVICE/);
  const manifestOf = (service: string) =>
    writeFileSync(
      join(desk.folder, "belay.yml"),
      `version: 1\nservice: ${service}\nrun: { command: node server.js }\nenvironments:\n  production: { routes: [{ host: "*" }] }\n`,
    );
  manifestOf("shop");
  assert.match((await desk.run("explain")).stdout, /^shop r-2b3c in production[\s\S]*The course of rollout shop-/);
  manifestOf("coffee");
  assert.match((await desk.run("explain")).stderr, /coffee had no rollout in production yet[\s\S]*BELAY_ROLLOUT_NONE/);
});
