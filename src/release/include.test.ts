import assert from "node:assert/strict";
import { test } from "node:test";
import { createIncludeList } from "./include.ts";

for (const { glob, yes, no } of [
  { glob: "server.js", yes: ["server.js"], no: ["lib/server.js", "server.jsx"] },
  { glob: "lib/**", yes: ["lib"], no: ["library", "src/lib"] },
  { glob: "lib/", yes: ["lib"], no: ["lib2"] },
  { glob: "./lib/*.js", yes: ["lib/a.js", "lib/.a.js"], no: ["lib/a/b.js", "lib"] },
  { glob: "**", yes: ["a", ".env.example", "a/.b/c"], no: [] },
  { glob: ".", yes: ["a", ".b"], no: [] },
  { glob: "*", yes: ["a", ".b"], no: ["a/b"] },
  { glob: "**/*.json", yes: ["a.json", ".a.json", "a/.b/c.json"], no: ["a.js"] },
  { glob: ".well-known/*", yes: [".well-known/x"], no: ["well-known/x"] },
  { glob: "{.nvmrc,package.json}", yes: [".nvmrc", "package.json"], no: ["nvmrc"] },
  { glob: "a/**/.b", yes: ["a/.b", "a/c/.b"], no: ["a/b"] },
]) {
  test(`the glob ${glob} names ${yes.join(", ")}${no.length === 0 ? "" : ` and not ${no.join(", ")}`}`, () => {
    const list = createIncludeList([glob]);
    assert.deepEqual(
      yes.filter((path) => list.matching(path).length === 0),
      [],
    );
    assert.deepEqual(
      no.filter((path) => list.matching(path).length > 0),
      [],
    );
  });
}
