import assert from "node:assert/strict";
import { test } from "node:test";
import { aRelease, aRollout, aStatus } from "../api/fake-views.ts";
import { describeServedAt } from "./served-at.ts";

const first = aRollout({ outcome: "promoted", phase: { name: "promoted", by: "plan", reason: "" }, stable: null });

function servedAt(host: string, path = "/", rollout = first): string {
  const status = aStatus();
  const services = status.services.map((service) => ({ ...service, stable: aRelease({ routes: [{ host, path }] }) }));
  return describeServedAt(rollout, { ...status, services });
}

test("after a service's first release it is said where it is to be found", () => {
  assert.equal(servedAt("*"), "    Served at http://127.0.0.1:8080/");
  assert.equal(servedAt("shop.localhost"), "    Served at http://shop.localhost:8080/");
  assert.equal(servedAt("shop.example.com", "/cart"), "    Served at http://127.0.0.1:8080/cart for the host shop.example.com");
});

test("a later release, or one that serves nobody, is not announced like that", () => {
  assert.equal(servedAt("*", "/", { ...first, stable: "r-1a2b" }), "");
  assert.equal(servedAt("*", "/", { ...first, outcome: "aborted" }), "");
  assert.equal(servedAt("*", "/", { ...first, kind: "rollback" }), "");
  assert.equal(describeServedAt(first, aStatus({ services: [] })), "");
});
