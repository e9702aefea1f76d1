import assert from "node:assert/strict";
import { test } from "node:test";
import { type JsonSchema, manifestJsonSchema } from "./schema.ts";

test("the JSON Schema refuses unknown keys and knows which are required", () => {
  const schema = manifestJsonSchema();
  assert.equal(schema.additionalProperties, false);
  assert.deepEqual(schema["required"], ["version", "service", "run", "environments"]);
  assert.equal(schema.properties?.["run"]?.properties?.["health"]?.["default"], "/healthz");
});

// Goal: an error about any key can say what to write.
test("every key has a title, and an example where it is a value", () => {
  const visit = (schema: JsonSchema, path: string) => {
    for (const [key, inner] of Object.entries(schema.properties ?? {})) {
      assert.ok(inner.title, `${path}${key} has no title`);
      assert.ok((inner.examples?.length ?? 0) > 0, `${path}${key} has no example`);
      visit(inner, `${path}${key}.`);
    }
    if (schema.items !== undefined) visit(schema.items, `${path}[].`);
    if (typeof schema.additionalProperties === "object") visit(schema.additionalProperties, `${path}*.`);
  };
  visit(manifestJsonSchema(), "");
});
