import assert from "node:assert/strict";
import { test } from "node:test";
import type { Token } from "../rollout/principal.ts";
import type { Actor } from "../rollout/rollout.ts";
import { mayCompareAs } from "./may-compare.ts";

const now = Temporal.Instant.from("2026-01-02T00:00:00Z");
const staging = { service: "shop", environment: "staging" };
const token = (name: string, own: Partial<Token>): Token => {
  const scope = { service: null, environment: null };
  return { id: name, name, role: "deployer", scope, by: "root", madeAt: "2026-01-01T00:00:00Z", until: null, ...own };
};
const tokens = [
  token("eve", { scope: { service: null, environment: "staging" } }),
  token("eve", { role: "viewer" }),
  token("late", { until: "2026-01-01T12:00:00Z" }),
  token("bob", {}),
  token("cleo", { scope: { service: "cart", environment: null } }),
];

function mayCompare(name: string, place = staging, via: Actor["via"] = "token"): boolean {
  const other = place.environment === "staging" ? "production" : "staging";
  return mayCompareAs({ tokens }, { actor: { kind: "person", name, via }, now })(place, other);
}

test("whether a value is production's too is told to those who deploy there", () => {
  assert.equal(mayCompare("eve"), false);
  assert.equal(mayCompare("late"), false);
  assert.equal(mayCompare("cleo"), false);
  assert.equal(mayCompare("nobody"), false);
  assert.equal(mayCompare("bob"), true);
  assert.equal(mayCompare("deployer"), true);
  assert.equal(mayCompare("root", staging, "socket"), true);
});

test("a deploy to production finds what it shares, whoever asks", () => {
  assert.equal(mayCompare("eve", { ...staging, environment: "production" }), true);
});
