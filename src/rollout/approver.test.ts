import assert from "node:assert/strict";
import { test } from "node:test";
import { type Part, refuseApprover, unknownAddresses } from "./approver.ts";
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
