import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { BelayError } from "../errors.ts";
import { parseKeeperRequest } from "./parse-request.ts";
import { keeperProtocol } from "./protocol.ts";

const spec = { name: "a", argv: ["/bin/true"], cwd: "/", env: {}, sockets: [], keys: {}, memoryBytesMax: null, graceMs: 1 };

test("a request is read as it was sent, without what it does not know", () => {
  assert.deepEqual(parseKeeperRequest({ kind: "run", spec: { ...spec, new: 1 } }), { kind: "run", spec });
});

test("the own protocol and the one before are accepted, others are not", () => {
  for (const protocol of [keeperProtocol, keeperProtocol - 1]) parseKeeperRequest({ kind: "hello", protocol });
  for (const protocol of [keeperProtocol + 1, keeperProtocol - 2, "1"]) {
    assert.throws(() => parseKeeperRequest({ kind: "hello", protocol }), { code: "BELAY_KEEPER_PROTOCOL" });
  }
});

test("a name that could leave the log folder is refused", () => {
  for (const name of ["../a", "a/b", "", ".a", "a b"]) {
    assert.throws(() => parseKeeperRequest({ kind: "run", spec: { ...spec, name } }), { code: "BELAY_KEEPER_REQUEST_INVALID" });
  }
});

test("property: whatever is sent is either read or refused with a BelayError", () => {
  const kind = fc.constantFrom("run", "stop", "list", "hello", "other");
  const anySpec = fc.record({ name: fc.anything(), argv: fc.anything(), env: fc.anything() });
  fc.assert(
    fc.property(
      fc.oneof(fc.anything(), fc.record({ kind, spec: fc.oneof(fc.anything(), anySpec), name: fc.anything() })),
      (request) => {
        try {
          parseKeeperRequest(request);
        } catch (cause) {
          assert.ok(cause instanceof BelayError);
        }
      },
    ),
  );
});
