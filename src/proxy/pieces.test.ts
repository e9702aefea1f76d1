import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Pieces } from "./pieces.ts";

test("property: pieces are the bytes that were added, in their order, whatever was read of them before", () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 600, size: "max" }), { maxLength: 40 }), (parts) => {
      const pieces = new Pieces();
      let length = 0;
      for (const part of parts) {
        const before = [...pieces.all];
        pieces.add(Buffer.from(part));
        assert.equal(Buffer.concat(before).length, length, "what was handed out has changed its length");
        length += part.length;
      }
      assert.deepEqual(Buffer.concat(pieces.all), Buffer.concat(parts));
    }),
  );
});

test("a body of single bytes is kept in as few pieces as one of blocks", () => {
  const pieces = new Pieces();
  for (let at = 0; at < 65_536; at += 1) pieces.add(Buffer.of(at % 256));
  assert.equal(pieces.all.length, 64);
  assert.equal(Buffer.concat(pieces.all).length, 65_536);
});
