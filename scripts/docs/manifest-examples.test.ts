import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { parse, stringify } from "yaml";
import { parseManifest } from "../../src/manifest/parse-manifest.ts";

/** Keys that an example leaves out because it is about others. */
const minimal = {
  version: 1,
  service: "shop",
  run: { command: "node server.js" },
  environments: { production: { routes: [{ host: "shop.example.com" }] } },
};

for (const page of ["README.md", "docs/manifest-by-example.md", "docs/preflight.md", "docs/kpis.md"]) {
  const examples = [...readFileSync(page, "utf8").matchAll(/^```yaml\n([\s\S]*?)^```/gm)].map(([, example = ""]) => example);

  test(`${page} has examples, and each is a manifest or a part of one`, () => {
    assert.ok(examples.length > 0);
    for (const example of examples) {
      const parsed = parseManifest(stringify({ ...minimal, ...parse(example) }), "belay.yml");
      assert.deepEqual(parsed.ok ? [] : parsed.problems, [], example);
    }
  });
}
