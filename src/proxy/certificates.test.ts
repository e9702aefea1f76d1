import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { Certificates } from "./certificates.ts";

test("a folder that cannot be read is complained of once, and ends nothing", (t) => {
  const folder = mkdtempSync(join(tmpdir(), "belay-certificates-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, "a-file-in-its-place");
  writeFileSync(file, "");
  const told: string[] = [];
  const log = { info: () => {}, warn: (message: string) => told.push(message), error: () => {} };
  const certificates = new Certificates({ folder: file, log });
  certificates.reload();
  certificates.reload();
  assert.deepEqual(told, ["the folder of certificates cannot be read"]);
  assert.equal(certificates.first, undefined);
});
