import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";
import type { CheckResult } from "../rollout/check-result.ts";
import type { Address, BootAnswer, ServingNext } from "./check.ts";
import { runChecks } from "./run-checks.ts";
import { session } from "./session.ts";
import { type Given, resultOf, subjectOf, toldOf } from "./subject.fixture.ts";

/** A release that begins sessions in one form, and knows those of some. */
async function openRelease(t: TestContext, { reads, writes }: { readonly reads: RegExp; readonly writes: string }) {
  const server = createServer(({ url = "" }, response) => {
    const isKnown = reads.test(decodeURIComponent(url.slice("/basket?".length)));
    response.writeHead(url === "/login" || isKnown ? 200 : 401).end(url === "/login" ? writes : "");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { host: "127.0.0.1", port: (server.address() as AddressInfo).port };
}

const oldForm = { reads: /^v1:/, writes: "v1:ann" };
const newForm = { reads: /^v2:/, writes: "v2:ann" };
const both = { reads: /^v[12]:/, writes: "v1:ann" };
const tooEarly = { reads: /^v[12]:/, writes: "v2:ann" };

const script = `
const { BELAY_BEGIN_URL, BELAY_GO_ON_URL } = process.env;
const cookie = await (await fetch(BELAY_BEGIN_URL + "/login")).text();
const basket = await fetch(BELAY_GO_ON_URL + "/basket?" + encodeURIComponent(cookie));
if (basket.status !== 200) throw new Error("the basket of " + cookie + ": " + basket.status);
`;

type Form = typeof oldForm;

function servingAt(address: Address, own: Partial<ServingNext> = {}): ServingNext {
  return {
    id: "b1",
    commit: "b".repeat(40),
    digest: "d".repeat(64),
    environment: "production",
    whileUp: async (_signal, use) => {
      await use(address);
      return { kind: "answered", afterMs: 5 };
    },
    ...own,
  };
}

async function given(
  t: TestContext,
  forms: readonly [old: Form, fresh: Form],
  own: { readonly run?: string; readonly more?: string; readonly timeout?: string } = {},
): Promise<Given> {
  const { run = "node session.mjs", more = "", timeout = "60s" } = own;
  const [old, fresh] = [await openRelease(t, forms[0]), await openRelease(t, forms[1])];
  const checks = `{ session: { run: ${JSON.stringify(run)}, timeout: ${timeout} }${more} }`;
  const files = { "session.mjs": script };
  return { checks, files, environment: "staging", running: fresh.port, servingNext: servingAt(old) };
}

test("a session that goes on at both releases, alone and in both directions, passes", async (t) => {
  const result = await resultOf(t, session, await given(t, [oldForm, both]));
  assert.deepEqual(
    [result.status, result.summary, result.evidence.inspected],
    ["pass", "4 sessions, at and between b1, which serves production, and the new release", 4],
    JSON.stringify(result.findings),
  );
});

test("which direction fails is said, with what the command wrote", async (t) => {
  const back = await resultOf(t, session, await given(t, [oldForm, tooEarly]));
  assert.deepEqual([back.status, back.blocks, ...toldOf(back)], ["fail", true, "back"]);
  assert.match(
    back.findings[0]?.message ?? "",
    /^a session that began at the new release does not go on at b1, which serves production, so .* on the way back: Error: the basket of v2:ann: 401$/,
  );
  const neither = await resultOf(t, session, await given(t, [oldForm, newForm]));
  assert.deepEqual(toldOf(neither), ["forward", "back"]);
  assert.match(neither.findings[0]?.message ?? "", /^a session that began at b1, which .* not go on at the new release/);
});

test("a new release at which no session goes on at all is told as that, and no move is tried", async (t) => {
  const broken = { reads: /^never/, writes: "v1:ann" };
  const result = await resultOf(t, session, await given(t, [oldForm, broken]));
  assert.deepEqual([result.status, result.evidence.inspected, ...toldOf(result)], ["fail", 2, "new-release"]);
});

test("a waived direction is shown as waived", async (t) => {
  const more = ", waivers: [{ check: session, rule: back, reason: nobody stays logged in, by: ann, until: 2099-12-31 }]";
  const result = await resultOf(t, session, await given(t, [oldForm, tooEarly], { more }));
  assert.deepEqual([result.status, result.blocks, result.findings[0]?.waived?.by], ["pass", false, "ann"]);
});

const asks = (url: string) => `node -e 'fetch(process.env.${url})'`;
for (const [what, run, words] of [
  ["is not installed", "no-such-script", /at b1 alone, .*exit code 127/],
  ["fits no release", "echo no such page >&2; exit 1", /no answer from \$BELAY_BEGIN_URL: no such page/],
  [
    "finds no session at the old release alone",
    `${asks("BELAY_BEGIN_URL")}; echo no form >&2; exit 1`,
    /at b1 alone, .*: no form$/,
  ],
  ["asks nobody", "exit 0", /exit code 0 and had no answer from \$BELAY_BEGIN_URL/],
  ["never goes on", asks("BELAY_BEGIN_URL"), /exit code 0 and had no answer from \$BELAY_GO_ON_URL/],
  ["writes without an end", "yes", /wrote more than can be read/],
  ["takes too long", "sleep 60", /not done after 0\.2 s/],
] as const) {
  test(`a command that ${what} is an error, which stops production and is told in staging`, async (t) => {
    const timeout = run.startsWith("sleep") ? "200ms" : "60s";
    const result = await resultOf(t, session, await given(t, [oldForm, both], { run, timeout }));
    assert.deepEqual([result.status, result.blocks], ["error", false], JSON.stringify(result.findings));
    assert.match(result.findings[0]?.message ?? "", words);
  });
}

test("a command that breaks in one direction alone leaves that one unchecked", async (t) => {
  const run = `case "$HOME" in *forward) exit 7;; *) node session.mjs;; esac`;
  const result = await resultOf(t, session, await given(t, [oldForm, both], { run }));
  assert.deepEqual([result.status, result.evidence.inspected, ...toldOf(result)], ["error", 3, "unchecked"]);
  assert.match(result.findings[0]?.message ?? "", /^forward: the command ended with exit code 7/);
});

test("each run has a home of its own, so that it finds no cookies of another", async (t) => {
  const run = `test ! -e "$HOME/jar" && touch "$HOME/jar" && node session.mjs`;
  assert.equal((await resultOf(t, session, await given(t, [oldForm, both], { run }))).status, "pass");
});

for (const answer of [
  { kind: "failed", reason: "it ended with exit code 1 before it answered", lastLines: "Error: no REGION\n    at main.js:1" },
  { kind: "cut-short", reason: "it was ended for its memory above 1074 MB" },
] as const satisfies readonly BootAnswer[]) {
  test(`a release that serves and does not come up beside the new one could not be asked (${answer.kind})`, async (t) => {
    const servingNext = servingAt({ host: "", port: 0 }, { whileUp: async () => answer });
    const result = await resultOf(t, session, { ...(await given(t, [oldForm, both])), servingNext });
    assert.deepEqual([result.status, result.blocks, ...toldOf(result)], ["error", false, "unchecked"]);
    assert.match(result.findings[0]?.message ?? "", /^b1, which serves production, did not come up beside .*: it (was )?ended/);
  });
}

test("where nobody asked for it, and where nothing serves yet, it is skipped with the reason", async (t) => {
  const { servingNext: _, ...first } = await given(t, [oldForm, both]);
  const result = await resultOf(t, session, first);
  assert.deepEqual([result.status, result.summary.slice(0, 14)], ["skipped", "nothing serves"]);
  const unasked = await resultOf(t, session, { environment: "production" });
  assert.equal(unasked.summary, "checks.session names no command that begins a session at one release and goes on at another");
});

const passed: CheckResult = {
  check: "session",
  status: "pass",
  blocks: false,
  summary: "4 sessions",
  findings: [],
  findingCount: 0,
  evidence: { inspected: 4, tool: "", toolVersion: "", inputsSha256: "", durationMs: 5 },
};

async function afterStaging(t: TestContext, seen: readonly CheckResult[], previous?: Given["previous"]) {
  const checks = "{ session: { run: node session.mjs } }";
  const own = { checks, earlier: { environment: "staging", results: seen }, ...(previous === undefined ? {} : { previous }) };
  const subject = await subjectOf(t, own);
  const [result] = await runChecks([session], { subject, signal: new AbortController().signal, version: "0" });
  assert.ok(result !== undefined);
  return result;
}

test("what was seen in staging counts in production while the release serves there with which it was tried", async (t) => {
  const tried = await resultOf(t, session, await given(t, [oldForm, both]));
  const same = await afterStaging(t, [tried], {});
  assert.deepEqual([same.status, same.blocks], ["pass", false]);
  assert.match(same.summary, /^4 sessions, .* \(seen in staging, where it ran\)$/);

  const other = await afterStaging(t, [tried], { digest: "e".repeat(64) });
  assert.deepEqual(
    [other.status, other.blocks, other.summary],
    ["error", true, "in staging it was not tried with b1, which serves production now"],
  );
  const sinceThen = await afterStaging(t, [{ ...passed, status: "skipped" }], {});
  assert.deepEqual([sinceThen.status, sinceThen.blocks], ["error", true], "nothing served when it was in staging");
});

test("in production a first release has nothing to be tried with, and an error that staging let go stops it", async (t) => {
  const first = await afterStaging(t, [{ ...passed, status: "skipped" }]);
  assert.deepEqual(
    [first.status, first.blocks, first.summary],
    ["skipped", false, "nothing serves production yet that sessions could move from"],
  );
  const finding = { rule: "unchecked", level: "fail", message: "no such script", fix: "Commit it." } as const;
  const told = await afterStaging(t, [{ ...passed, status: "error", findings: [finding], findingCount: 1 }], {});
  assert.deepEqual([told.status, told.blocks, told.findings[0]?.message], ["error", true, "no such script"]);
  const off = await afterStaging(t, [], {});
  assert.match(off.summary, /runs in staging, and there it did not run/);
});
