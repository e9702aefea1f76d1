import assert from "node:assert/strict";
import { test } from "node:test";
import { type Breaking, type Part, refuseApprover, refuseReviewer, unknownAddresses } from "./approver.ts";
import type { Actor } from "./rollout.ts";

const byToken = (name: string): Actor => ({ kind: "person", name, via: "token" });
const atTheMachine: Actor = { kind: "person", name: "root", via: "socket" };
const principals = {
  tokens: [],
  gitEmails: {
    ann: ["ann@example.com"],
    bob: ["bob@example.com"],
    dave: ["dave@example.com"],
    outside: ["noreply@example.com"],
    eve: [],
  },
};

function kindOf(approver: string, part: Partial<Part>): string | null {
  const known = { requestedBy: byToken("ann"), addresses: ["dave@example.com"], principals };
  return refuseApprover(approver, { ...known, ...part })?.kind ?? null;
}

test("neither the one who asked nor an author approves", () => {
  assert.equal(kindOf("ann", {}), "own");
  assert.equal(kindOf("dave", {}), "own");
  assert.equal(kindOf("dave", { addresses: ["Dave@Example.com"] }), "own");
  assert.equal(kindOf("bob", {}), null);
});

test("a second token of somebody whose address is not known to be theirs approves nothing", () => {
  assert.equal(kindOf("ann-too", {}), "approver");
  assert.equal(kindOf("eve", {}), "approver");
  assert.equal(kindOf("eve", { addresses: null }), "approver");
  assert.equal(kindOf("toString", {}), "approver");
});

test("an address that is nobody's here may be the approver's; one that was said to be outside is not", () => {
  const addresses = ["dave@example.com", "Stranger@example.com", "noreply@example.com"];
  assert.equal(kindOf("bob", { addresses }), "authors");
  assert.deepEqual(unknownAddresses(addresses, principals), ["Stranger@example.com"]);
  assert.equal(kindOf("bob", { addresses: ["noreply@example.com"] }), null);
});

test("asked for without a token of one's own, somebody else has to have written it", () => {
  for (const requestedBy of [atTheMachine, byToken("deployer")]) {
    assert.equal(kindOf("bob", { requestedBy }), null);
    assert.equal(kindOf("bob", { requestedBy, addresses: [] }), "requester");
    assert.equal(kindOf("bob", { requestedBy, addresses: null }), "requester");
    assert.equal(kindOf("bob", { requestedBy, addresses: ["noreply@example.com"] }), "requester");
  }
  // Of a change of the configuration alone nobody is the author, and of a bundle from CI nobody knows.
  assert.equal(kindOf("bob", { addresses: [] }), null);
  assert.equal(kindOf("eve", { addresses: [] }), null);
  assert.equal(kindOf("bob", { addresses: null }), null);
});

// Goal: nobody reviews by a second name that they were given since what they did alone.
// Method: the glass is broken at nine; each name has a token from before or after, and an address or none.
const at = "2026-11-20T09:00:00Z";
const tokenOf = (name: string, madeAt: string) => ({
  id: name,
  name,
  role: "approver" as const,
  scope: { service: null, environment: null },
  by: "root",
  madeAt,
  until: null,
});
const before = "2026-11-20T08:00:00Z";
const after = "2026-11-20T10:00:00Z";

function reviewOf(reviewer: string, breaking: Partial<Breaking>): string | null {
  const tokens = [tokenOf("ann-too", after), tokenOf("bob", after), tokenOf("eve", before), tokenOf("dave", before)];
  const known = { requestedBy: byToken("ann"), addresses: ["dave@example.com"], at, principals: { ...principals, tokens } };
  return refuseReviewer(reviewer, { ...known, ...breaking })?.kind ?? null;
}

test("what was done by a token of one's own is reviewed by whoever had one before, or has an address of their own", () => {
  assert.equal(reviewOf("ann", {}), "own");
  assert.equal(reviewOf("ann-too", {}), "approver");
  assert.equal(reviewOf("eve", {}), null);
  assert.equal(reviewOf("bob", {}), null);
  assert.equal(reviewOf("dave", { addresses: null }), null, "who wrote it did not break the glass");
  const gitEmails = { ...principals.gitEmails, "ann-too": ["ann@home.example", "ann@example.com"] };
  assert.equal(reviewOf("ann-too", { principals: { tokens: [], gitEmails } }), "own");
});

test("what was done without a token is reviewed as it would be approved; where no commit tells of anybody, a token from before does", () => {
  const requestedBy = atTheMachine;
  assert.equal(reviewOf("bob", { requestedBy }), null, "dave wrote it");
  assert.equal(reviewOf("dave", { requestedBy }), "own", "he may be root, too");
  assert.equal(reviewOf("ann-too", { requestedBy }), "approver");
  assert.equal(reviewOf("eve", { requestedBy }), "approver", "also with a token from before");
  assert.equal(reviewOf("bob", { requestedBy, addresses: ["stranger@example.com"] }), "authors");
  for (const addresses of [[], null, ["noreply@example.com"]]) {
    assert.equal(reviewOf("bob", { requestedBy, addresses }), "requester");
    assert.equal(reviewOf("dave", { requestedBy, addresses }), null);
  }
  assert.equal(reviewOf("bob", { requestedBy: byToken("deployer"), addresses: [] }), "requester", "the machine's token");
});
