import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { BelayError } from "../errors.ts";
import { parseManifest } from "../manifest/parse-manifest.ts";
import { describeProject } from "./describe-project.ts";
import type { Draft } from "./draft.ts";
import { toServiceName } from "./draft.ts";
import { toManifestText } from "./manifest-text.ts";
import { filesOf } from "./memory-files.fixture.ts";

const draft: Draft = { ...describeProject(filesOf({ "server.py": "http.server" })) };

test("the manifest is the six lines with comments", () => {
  const lines = toManifestText(draft)
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"));
  assert.deepEqual(lines, [
    "version: 1",
    "service: my-shop",
    "run: { command: python3 -u server.py, health: / }",
    "environments:",
    '  production: { routes: [{ host: "*" }] }',
  ]);
});

test("without a command there is no manifest, and the error says how to name one", () => {
  assert.throws(() => toManifestText({ ...draft, command: null }), { code: "BELAY_INIT_COMMAND_UNKNOWN", next: /--command/ });
});

const odd = fc.oneof(
  fc.string({ unit: "binary", maxLength: 40 }),
  fc.string({ unit: fc.constantFrom(..."a:,{}[]#&*!|>'\"%@`-? \n\t=$~"), maxLength: 12 }),
  fc.constantFrom("yes", "null", "1", "1e3", "- a", "a: b", "a #b", "x {y}", "=", "<<", "&&", "a :"),
);

test("property: any command line that a manifest allows is read back as it was", () => {
  const allowed = odd.filter((text) => /\S/.test(text) && !text.includes("\0"));
  fc.assert(
    fc.property(allowed, allowed, odd, (command, build, name) => {
      const parsed = parseManifest(toManifestText({ ...draft, service: toServiceName(name), command, build }), "belay.yml");
      assert.ok(parsed.ok);
      assert.equal(parsed.manifest.run.command, command);
      assert.equal(parsed.manifest.release.build, build);
    }),
    { numRuns: 300 },
  );
});

test("property: a host or path that a manifest does not allow is told and never written", () => {
  fc.assert(
    fc.property(odd, odd, (health, host) => {
      try {
        toManifestText({ ...draft, health: `/${health}`, hosts: [host] });
      } catch (cause) {
        assert.ok(cause instanceof BelayError, String(cause));
        assert.equal(cause.code, "BELAY_INIT_NOT_A_MANIFEST");
      }
    }),
    { numRuns: 200 },
  );
});
