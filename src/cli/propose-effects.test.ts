import assert from "node:assert/strict";
import { test } from "node:test";
import type { PathsView } from "../api/views.ts";
import { parseManifest } from "../manifest/parse-manifest.ts";
import type { Route } from "../rollout/rollout.ts";
import { proposeRoutes } from "./propose-effects.ts";

const host = "shop.test";

/** `path GET 30 POST 2 cookies 4`. */
function seen(...rows: readonly string[]): PathsView {
  const paths = rows.map((row) => {
    const [path = "", ...words] = row.split(" ");
    const counts = Object.fromEntries(
      words.flatMap((word, index) => (index % 2 === 0 ? [[word, Number(words[index + 1])]] : [])),
    );
    const { cookies = 0, ...methods } = counts;
    return { host, path, methods, cookies };
  });
  return { service: "shop", environment: "production", watchedMs: 3_600_000, paths };
}

function proposals(view: PathsView, routes: readonly Route[] = [{ host, path: "/" }]) {
  const { proposed, doubted } = proposeRoutes(routes, view);
  return { lines: proposed.map(({ line }) => line), doubts: doubted.map(({ path, why }) => `${path} ${why}`), proposed };
}

test("a route on which only reads came is proposed as it stands", () => {
  const { lines, proposed } = proposals(seen("/ GET 10", "/products/* GET 15 HEAD 3", "/products OPTIONS 1"));
  assert.deepEqual(lines, ["- { host: shop.test, effects: writes }"]);
  assert.deepEqual([proposed[0]?.requests, proposed[0]?.isThere], [28, true]);
});

test("beside writes, cookies and telling names, the shortest paths without them are proposed, and the rest is named", () => {
  const { lines, doubts } = proposals(
    seen(
      "/ GET 100",
      "/products GET 30",
      "/products/* GET 60",
      "/orders GET 40 POST 12",
      "/orders/* GET 25",
      "/account/history GET 22",
      "/account/basket GET 50 cookies 31",
      "/help/logout GET 33",
      "/help/articles GET 45",
    ),
  );
  assert.deepEqual(lines, [
    "- { host: shop.test, path: /products, effects: writes }",
    "- { host: shop.test, path: /help/articles, effects: writes }",
    "- { host: shop.test, path: /account/history, effects: writes }",
  ]);
  assert.deepEqual(doubts, ["/ wider", "/account/basket cookies", "/orders methods", "/help/logout name", "/orders/* wider"]);
});

test("nothing is proposed on little traffic, on a declared route, or on one of another service", () => {
  assert.deepEqual(proposals(seen("/ GET 19")).lines, []);
  const declared: readonly Route[] = [{ host, path: "/", effects: "writes" }];
  assert.deepEqual(proposals(seen("/ GET 99", "/orders POST 9"), declared), { lines: [], doubts: [], proposed: [] });
  assert.deepEqual(proposals(seen("/ GET 99"), [{ host: "other.test", path: "/" }]).lines, []);
});

test("each path belongs to the longest route that covers it, and a route for every host takes what no other has", () => {
  const routes: readonly Route[] = [
    { host, path: "/" },
    { host, path: "/api", effects: "none" },
  ];
  const view = seen("/ GET 30", "/api/orders POST 10", "/api GET 30");
  assert.deepEqual(proposals(view, routes).lines, ["- { host: shop.test, effects: writes }"]);
  assert.deepEqual(proposals(view, [{ host: "*", path: "/" }]).doubts, ["/ wider", "/api wider"]);
  const any = proposals(seen("/ GET 30"), [{ host: "*", path: "/" }]);
  assert.deepEqual(any.lines, ['- { host: "*", effects: writes }']);
});

test("a path that was not told apart never carries a proposal, and a write below one prevents the one above it", () => {
  assert.deepEqual(proposals(seen("/* GET 50", "/** POST 1")).lines, []);
  assert.deepEqual(proposals(seen("/products GET 50", "/products/*/** DELETE 1")).lines, []);
});

test("what is proposed is valid, and keeps what is said of the route: the longest path decides alone", () => {
  const route: Route = { host, path: "/", idempotent: "key", shield: "off", hedgeMs: 200 };
  const { lines } = proposals(seen("/products GET 30", "/orders POST 3"), [route]);
  assert.deepEqual(lines, [
    "- { host: shop.test, path: /products, idempotent: key, shield: off, effects: writes, hedge: 200ms }",
  ]);
  const text = `version: 1
service: shop
run: { command: node server.js }
environments:
  production:
    routes:
      - { host: shop.test, idempotent: key, shield: off, hedge: 200ms }
      ${lines[0]}
`;
  const parsed = parseManifest(text, "belay.yml");
  assert.ok(parsed.ok);
  assert.deepEqual(parsed.manifest.environments["production"]?.routes[1], { ...route, path: "/products", effects: "writes" });
});
