import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Route } from "../rollout/rollout.ts";
import { RouteIndex, routeCovering } from "../routing/find-route.ts";
import type { ServiceRoute } from "../routing/table.ts";
import { ruledRoutes } from "./ruled-routes.ts";

const route = (path: string, own: Partial<Route> = {}): Route => ({ host: "shop.test", path, ...own });

test("a path that the new release takes out of a declaration is neither repeated nor copied, though stable has no line for it", () => {
  const stable = [route("/", { idempotent: true, effects: "none" })];
  const canary = [...stable, route("/pay"), route("/live", { idempotent: true, effects: "none", shield: "off" })];
  assert.deepEqual(ruledRoutes(stable, canary), [
    route("/", { idempotent: true, effects: "none" }),
    route("/pay"),
    route("/live", { idempotent: true, shield: "off", effects: "none" }),
  ]);
});

test("a declaration whose line the new release has dropped goes by the line that is left, and by stable's word where there is none", () => {
  const stable = [route("/"), route("/cart", { idempotent: true })];
  assert.deepEqual(ruledRoutes(stable, [route("/")]), [route("/"), route("/cart")]);
  assert.deepEqual(ruledRoutes(stable, [route("/", { idempotent: "key" })]), [route("/"), route("/cart", { idempotent: "key" })]);
  assert.deepEqual(ruledRoutes(stable, [{ host: "other.test", path: "/" }]), stable);
  assert.deepEqual(ruledRoutes(stable, undefined), stable);
});

test("what only the new release serves, and what another service answers there, is not added", () => {
  const stable = [route("/shop", { effects: "none" })];
  const canary = [route("/shop", { effects: "none" }), route("/blog"), route("/shop/api"), { host: "new.test", path: "/shop/x" }];
  assert.deepEqual(ruledRoutes(stable, canary), [...stable, route("/shop/api")]);
  assert.deepEqual(ruledRoutes(stable, canary, [route("/shop/api")]), stable);
  assert.deepEqual(ruledRoutes(stable, canary, [{ host: "*", path: "/shop/api" }]), [...stable, route("/shop/api")]);
});

test("property: nothing is repeated, copied or shielded that the release to which a path belongs, old or new, does not allow", () => {
  const anyRoute = fc.record(
    {
      host: fc.constantFrom("*", "a.test", "b.test"),
      path: fc.constantFrom("/", "/x", "/x/y", "/z"),
      idempotent: fc.constantFrom(true, "key", undefined),
      shield: fc.constantFrom("off", undefined),
      effects: fc.constantFrom("none", "writes", undefined),
    },
    { requiredKeys: ["host", "path"] },
  );
  const anyRoutes = fc.uniqueArray(anyRoute as fc.Arbitrary<Route>, {
    selector: ({ host, path }) => `${host}${path}`,
    maxLength: 6,
  });
  fc.assert(
    fc.property(
      anyRoutes,
      anyRoutes,
      fc.constantFrom("a.test", "b.test", "c.test"),
      fc.constantFrom("/", "/x", "/x/y", "/x/y/1", "/z/2", "/other"),
      (stable, canary, host, path) => {
        const found = new RouteIndex({ epoch: 1, services: [{ routes: ruledRoutes(stable, canary) } as ServiceRoute] }).find(
          host,
          path,
        );
        const [was, is] = [routeCovering(stable, host, path), routeCovering(canary, host, path)];
        assert.equal(found === null, was === null, "it serves what stable serves");
        if (found === null || was === null) return;
        const { idempotent, shield, effects } = found.rules;
        const both = is === null ? [was] : [was, is];
        const allowed = both.every((each) => each.idempotent === true)
          ? true
          : both.every((each) => each.idempotent)
            ? "key"
            : undefined;
        assert.equal(idempotent, allowed);
        assert.equal(shield, both.some((each) => each.shield === "off") ? "off" : undefined);
        const isFree = is !== null && both.every((each) => each.effects !== undefined);
        assert.equal(effects, !isFree ? undefined : both.every((each) => each.effects === "none") ? "none" : "writes");
      },
    ),
    { numRuns: 1_000 },
  );
});
