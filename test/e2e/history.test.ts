import assert from "node:assert/strict";
import { cpSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { killAll } from "./belay-processes.ts";
import { openShopScene, type Scene } from "./scene.ts";

const isLedger = (name: string) => name.startsWith("ledger.sqlite");

/** Replaces the ledger's files by those in another folder. */
function copyLedger(from: string, to: string): void {
  for (const name of readdirSync(to).filter(isLedger)) rmSync(join(to, name));
  for (const name of readdirSync(from).filter(isLedger)) cpSync(join(from, name), join(to, name));
}

/** Changes the ledger's file behind Belay's back, as somebody with access to the disk can, while Belay is down. */
async function verifyTampered(scene: Scene, original: string, sql: string): Promise<string> {
  const { dataFolder } = scene.place;
  killAll(dataFolder);
  copyLedger(original, dataFolder);
  const database = new DatabaseSync(join(dataFolder, "ledger.sqlite"));
  database.exec(sql);
  database.close();
  await scene.up();
  const result = await scene.expectBelay(["history", "--verify"], { code: 1 });
  return result.stdout + result.stderr;
}

test("history --verify tells a log that this client has seen from one that was changed", async (t) => {
  const { scene } = await openShopScene(t, { instances: 1 });
  const { dataFolder, folder } = scene.place;
  assert.match((await scene.expectBelay(["history", "--verify"])).stdout, /consistent/);
  killAll(dataFolder);
  const original = join(folder, "original");
  mkdirSync(original);
  copyLedger(dataFolder, original);
  await scene.up();

  await t.test("an entry was rewritten", async () => {
    const sql = "UPDATE entries SET body = replace(body, 'shop', 'shoq') WHERE position = 2";
    assert.match(await verifyTampered(scene, original, sql), /rewritten/);
  });

  await t.test("the end is gone", async () => {
    assert.match(await verifyTampered(scene, original, "DELETE FROM entries WHERE position > 3"), /truncated|rewritten/);
  });
});
