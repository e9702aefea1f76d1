import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { CohortRule } from "../rollout/cohort.ts";
import { Cohorts, type RequestTraits } from "./cohorts.ts";

const rule = (asked: Partial<CohortRule>): CohortRule => ({ isMember: true, isOpen: false, ...asked });
const request = (own: Partial<RequestTraits> = {}): RequestTraits => ({
  peerAddress: "198.51.100.1",
  headers: [],
  target: "/",
  ...own,
});

function cohortsOf(rules: readonly CohortRule[], trustedProxies: readonly string[] = ["10.0.0.0/8"]): Cohorts {
  return new Cohorts({ cohorts: [{ name: "internal", rules }], trustedProxies });
}

test("a header makes a member only when a trusted proxy passes it on, once", () => {
  const cohorts = cohortsOf([rule({ headers: { "x-team": "shop" } })]);
  const said = ["X-Team", "shop"];
  assert.equal(cohorts.find(request({ headers: said })), null);
  assert.equal(cohorts.find(request({ peerAddress: "10.0.0.1", headers: said })), "internal");
  assert.equal(cohorts.find(request({ peerAddress: "10.0.0.1", headers: [...said, "x-team", "shop"] })), null);
  assert.equal(cohortsOf([rule({ headers: { "x-team": "shop" }, isOpen: true })]).find(request({ headers: said })), "internal");
});

test("all that a rule names must hold, and the first rule that matches decides", () => {
  const cohorts = cohortsOf([
    rule({ path: "/pay", isMember: false }),
    rule({ network: "198.51.100.0/24", cookies: { beta: "yes" }, query: { try: "1" } }),
  ]);
  const whole = request({ headers: ["Cookie", "a=1; beta=yes"], target: "/pages?try=1" });
  assert.equal(cohorts.find(whole), "internal");
  assert.equal(cohorts.find({ ...whole, target: "/pages?try=2" }), null);
  assert.equal(cohorts.find({ ...whole, headers: ["Cookie", "beta=yesterday"] }), null);
  assert.equal(cohorts.find({ ...whole, peerAddress: "203.0.113.1" }), null);
  assert.equal(cohorts.find({ ...whole, target: "/pay/now?try=1" }), null);
  assert.equal(cohorts.find({ ...whole, target: "/payment?try=1" }), "internal");
});

test("property: whatever a client sends from outside, a rule of network and header does not let it in", () => {
  const cohorts = cohortsOf([rule({ network: "203.0.113.0/24" }), rule({ headers: { "x-team": "shop" } })]);
  const name = fc.constantFrom("X-Forwarded-For", "x-team", "Forwarded", "Cookie", "belay-cohort", "X-Real-Ip");
  const value = fc.oneof(fc.constantFrom("203.0.113.7", "shop", "internal", "10.0.0.1, 203.0.113.7"), fc.string());
  fc.assert(
    fc.property(fc.array(fc.tuple(name, value)), fc.webPath(), (headers, target) => {
      assert.equal(cohorts.find(request({ headers: headers.flat(), target: `/${target}` })), null);
    }),
  );
});

test("property: the first of the rules that match decides, whatever stands behind it", () => {
  const any = fc.record({ isMember: fc.boolean(), isOpen: fc.constant(true), path: fc.constantFrom("/a", "/a/b", "/c") });
  fc.assert(
    fc.property(fc.array(any), fc.constantFrom("/a", "/a/b", "/a/b/c", "/c", "/d"), (rules, target) => {
      const first = rules.find(({ path }) => target === path || target.startsWith(`${path}/`));
      assert.equal(cohortsOf(rules).find(request({ target })), first?.isMember === true ? "internal" : null);
    }),
  );
});
