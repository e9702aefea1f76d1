import assert from "node:assert/strict";
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { parseInherited, printDescriptors, readInheritedKey } from "./inherited.ts";

test("property: descriptors are read as they were printed", () => {
  fc.assert(
    fc.property(fc.dictionary(fc.stringMatching(/^[a-z-]{1,8}$/), fc.nat()), (descriptors) => {
      assert.deepEqual(parseInherited({ BELAY_SOCKETS: printDescriptors(descriptors) }).sockets, { ...descriptors });
    }),
  );
});

test("an environment without Belay's variables inherits nothing, a wrong one is refused", () => {
  assert.deepEqual(parseInherited({}), { sockets: {}, keys: {}, pairFd: null, startupFd: null });
  assert.throws(() => parseInherited({ BELAY_SOCKETS: "http" }), { code: "BELAY_KEEPER_HANDOVER_BROKEN" });
  assert.throws(() => parseInherited({ BELAY_PAIR: "x" }), { code: "BELAY_KEEPER_HANDOVER_BROKEN" });
});

test("a key is read once, and a key that is missing or empty is an error", () => {
  const folder = mkdtempSync(join(tmpdir(), "belay-key-"));
  for (const [name, content] of Object.entries({ full: "secret", empty: "" })) writeFileSync(join(folder, name), content);
  const keys = { full: openSync(join(folder, "full"), "r"), empty: openSync(join(folder, "empty"), "r") };
  assert.equal(Buffer.from(readInheritedKey({ keys }, "full")).toString(), "secret");
  assert.throws(() => closeSync(keys.full), { code: "EBADF" }, "the descriptor was closed");
  assert.throws(() => readInheritedKey({ keys }, "empty"), { code: "BELAY_KEEPER_KEY_MISSING" });
  assert.throws(() => readInheritedKey({ keys }, "other"), { code: "BELAY_KEEPER_KEY_MISSING" });
  rmSync(folder, { recursive: true });
});
