import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { silentLog } from "../ports/log.ts";
import { readUnlessDamaged } from "./run-control.ts";

const main = join(import.meta.dirname, "../main.ts");

// Goal: whoever keeps it starts it anew. A control plane that stays alive without steering would be taken for one that runs.
test("a control plane that cannot start ends", { timeout: 120_000 }, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "belay-control-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const child = spawn(process.execPath, [main, "control", folder, "test"], { stdio: ["ignore", "ignore", "pipe"], env: {} });
  t.after(() => child.kill("SIGKILL"));
  const said = text(child.stderr);
  const [code] = await once(child, "exit");
  assert.equal(code, 1);
  assert.match(await said, /BELAY_KEEPER_HANDOVER_BROKEN/);
});

test("a file that was damaged reads as absent, and another trouble with it does not", (t) => {
  const folder = mkdtempSync(join(tmpdir(), "belay-control-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, "evidence.json");
  assert.equal(readUnlessDamaged(file, silentLog), undefined);
  writeFileSync(file, '{"half":');
  assert.equal(readUnlessDamaged(file, silentLog), undefined);
  writeFileSync(file, '{"whole":1}');
  assert.deepEqual(readUnlessDamaged(file, silentLog), { whole: 1 });
  assert.throws(() => readUnlessDamaged(folder, silentLog), /EISDIR/);
});
