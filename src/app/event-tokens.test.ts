import assert from "node:assert/strict";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { createSeededRandom } from "../ports/random.ts";
import { releaseNamed } from "../rollout/rollout.builder.ts";
import { shadowOf } from "../rollout/shadow.ts";
import { noVariables } from "../runtimes/process/release-environment.ts";
import { EventTokens } from "./event-tokens.ts";

test("a service that posts events gets an address and a token of its own, which outlive the control plane", (t) => {
  const folder = mkdtempSync(join(tmpdir(), "belay-events-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const random = createSeededRandom(1);
  const posting = { ...releaseNamed("a"), events: ["order-paid"] };
  const { plain, secret } = EventTokens.open(folder, random).withEvents(noVariables, posting, "127.0.0.1:4711");
  assert.equal(plain["BELAY_EVENTS_URL"], "http://127.0.0.1:4711/events/production/shop");
  const token = secret["BELAY_EVENTS_TOKEN"] ?? "";
  assert.ok(token.length >= 40);
  const again = EventTokens.open(folder, random);
  assert.equal(again.senderOf(posting, token), "service");
  for (const other of [
    { ...posting, service: "blog" },
    { ...posting, environment: "staging" },
  ])
    assert.equal(again.senderOf(other, token), null);
  for (const forged of ["", `${token}x`]) assert.equal(again.senderOf(posting, forged), null);
  assert.equal(statSync(join(folder, "events.key")).mode & 0o777, 0o600);
  assert.equal(again.withEvents(noVariables, releaseNamed("a"), "127.0.0.1:4711"), noVariables, "who posts nothing gets nothing");
  assert.equal(again.withEvents(noVariables, posting, undefined), noVariables, "a keeper from before has no address");
});

test("a shadow has both variables, so that its service starts, and a token by which it is known", (t) => {
  const folder = mkdtempSync(join(tmpdir(), "belay-events-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const tokens = EventTokens.open(folder, createSeededRandom(1));
  const posting = { ...releaseNamed("a"), events: ["order-paid"] };
  const shadow = { ...posting, id: shadowOf(posting.id) };
  const [own, given] = [posting, shadow].map((release) => tokens.withEvents(noVariables, release, "127.0.0.1:4711"));
  assert.deepEqual(given?.plain, own?.plain);
  assert.deepEqual(
    [own, given].map((variables) => tokens.senderOf(posting, variables?.secret["BELAY_EVENTS_TOKEN"] ?? "")),
    ["service", "shadow"],
  );
});
