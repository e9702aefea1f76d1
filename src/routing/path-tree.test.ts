import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { isName } from "./path-segment.ts";
import { type PathCount, PathTree } from "./path-tree.ts";

function treeOf(requests: readonly string[], placesMax = 300): PathTree {
  const tree = new PathTree({ placesMax });
  for (const request of requests) {
    const [method = "", path = "", cookie] = request.split(" ");
    tree.count({ host: "a.test", path, method, setsCookie: cookie !== undefined });
  }
  return tree;
}

const words = (counts: readonly PathCount[]) =>
  counts.map(({ path, methods, cookies }) => {
    const each = Object.entries(methods).map(([method, count]) => `${method} ${count}`);
    return [path, ...each, ...(cookies === 0 ? [] : [`cookies ${cookies}`])].join(" ");
  });

/** Names that no program has, all different. */
const nameOf = (index: number) => `person-${String.fromCharCode(97 + (index % 26), 97 + Math.floor(index / 26), 101)}`;

test("requests count by method under the shape of their path, and values are none of it", () => {
  const tree = treeOf([
    "GET /",
    "GET /products",
    "GET /products/",
    "HEAD /products/42",
    "GET /products/43",
    "POST /products/43/reviews",
    "PURGE /products/43",
    "GET /login cookie",
    "POST /login cookie",
    "GET /users/jane@example.com/orders",
  ]);
  assert.deepEqual(words(tree.all()), [
    "/ GET 1",
    "/products GET 2",
    "/products/* GET 1 HEAD 1 other 1",
    "/products/*/reviews POST 1",
    "/login GET 1 POST 1 cookies 1",
    "/users/*/orders GET 1",
  ]);
});

test("names of which more and more come at one place were values, with all that lies below them", () => {
  const people = Array.from({ length: 33 }, (_, index) => `GET /people/${nameOf(index)}/photos`);
  const tree = treeOf([...people, "POST /people/person-aae/photos", "GET /people/43"]);
  assert.deepEqual(words(tree.all()), ["/people/* GET 1", "/people/*/photos GET 33 POST 1"]);
});

test("a program has more names right below its host, and there it ends, too", () => {
  const pages = Array.from({ length: 65 }, (_, index) => `GET /${nameOf(index)}`);
  assert.equal(treeOf(pages.slice(0, 64)).all().length, 64);
  assert.deepEqual(words(treeOf(pages).all()), ["/* GET 65"]);
});

test("what is too deep, or one place too many, is told where its path left off, so that no write is lost", () => {
  assert.deepEqual(words(treeOf(["GET /a/b/c/d/e/f/g/h", "POST /a/b/c/d/e/f/i"]).all()), ["/a/b/c/d/e/f/** GET 1 POST 1"]);
  assert.deepEqual(words(treeOf(["GET /products/42", "POST /orders", "DELETE /products/42/photos"], 3).all()), [
    "/** POST 1",
    "/products/* GET 1",
    "/products/*/** DELETE 1",
  ]);
});

test("what was asked for seldom loses its name, unless it sounds like an effect", () => {
  const often = Array.from({ length: 5 }, () => "GET /products/tea/photos");
  const tree = treeOf([...often, "GET /products/smith", "POST /products/smith/photos", "GET /logout", "GET /jones"]);
  tree.foldRare(5);
  assert.deepEqual(words(tree.all()), [
    "/products/tea/photos GET 5",
    "/products/* GET 1",
    "/products/*/* POST 1",
    "/logout GET 1",
    "/* GET 1",
  ]);
});

test("hosts are told apart, and no more than sixteen", () => {
  const tree = new PathTree({ placesMax: 300 });
  for (let host = 0; host < 20; host += 1) tree.count({ host: `h${host}`, path: "/", method: "GET", setsCookie: false });
  assert.equal(tree.all().length, 16);
});

const anyPath = fc.array(fc.oneof(fc.constantFrom("a", "orders", "tea", "", "*", "**", "42"), fc.string({ maxLength: 50 })), {
  maxLength: 9,
});
const anyRequest = fc.record({ path: anyPath, method: fc.constantFrom("GET", "POST", "BREW"), setsCookie: fc.boolean() });
const totalOf = (counts: readonly PathCount[]) =>
  counts.flatMap(({ methods }) => Object.values(methods)).reduce((sum, count) => sum + count, 0);

test("property: every request is in one count, names alone are kept, and the tree stays small", () => {
  fc.assert(
    fc.property(fc.array(anyRequest, { maxLength: 200 }), fc.integer({ min: 1, max: 60 }), (requests, placesMax) => {
      const tree = new PathTree({ placesMax });
      for (const { path, ...rest } of requests) tree.count({ host: "h", path: `/${path.join("/")}`, ...rest });
      const counts = tree.all();
      assert.equal(totalOf(counts), requests.length);
      // Each place is told with what is counted at it and with what is not told apart below it.
      assert.ok(counts.length <= 2 * placesMax + 2);
      for (const { path } of counts)
        for (const part of path.split("/").slice(1)) assert.ok(/^\*{0,2}$/.test(part) || isName(part), path);
      const writes = (of: readonly PathCount[]) =>
        of.reduce((sum, { methods }) => sum + (methods.POST ?? 0) + (methods.other ?? 0), 0);
      tree.foldRare(3);
      assert.equal(totalOf(tree.all()), requests.length);
      assert.equal(writes(tree.all()), writes(counts));
    }),
  );
});

test("property: a tree that is told to another one is the same there", () => {
  fc.assert(
    fc.property(fc.array(anyRequest, { maxLength: 100 }), (requests) => {
      const tree = new PathTree({ placesMax: 300 });
      for (const { path, ...rest } of requests) tree.count({ host: "h", path: `/${path.join("/")}`, ...rest });
      const other = new PathTree({ placesMax: 1000 });
      for (const counted of tree.all()) other.add(counted);
      const sorted = (of: PathTree) => words(of.all()).toSorted();
      assert.deepEqual(sorted(other), sorted(tree));
    }),
  );
});
