import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { after, test } from "node:test";
import { ManualClock } from "../ports/manual-clock.ts";
import { createSeededRandom } from "../ports/random.ts";
import { verifyChain } from "./chain.ts";
import { createSignerFrom } from "./keys.ts";
import { aborted, paused, testLedgerContract } from "./ledger.contract.ts";
import { openSqliteLedger } from "./sqlite-ledger.ts";

const folder = mkdtempSync(join(tmpdir(), "belay-ledger-"));
after(() => rmSync(folder, { recursive: true }));

let places = 0;
const newPath = () => join(folder, `${places++}`, "ledger.db");
const signer = createSignerFrom(new Uint8Array(32));
const open = (path: string) => openSqliteLedger({ path, clock: new ManualClock(), random: createSeededRandom(places), signer });

testLedgerContract("sqlite", () => {
  const path = newPath();
  return { open: () => open(path), breakDisk: () => limitFileSizes(statSync(`${path}-wal`).size) };
});

/** No file of this process may grow beyond `bytes`: as close to a full disk as a test comes without mounting one. */
function limitFileSizes(bytes: number): () => void {
  const limit = (soft: string) => {
    const { status, stderr } = spawnSync("prlimit", ["--pid", String(process.pid), `--fsize=${soft}:unlimited`], {
      encoding: "utf8",
    });
    assert.equal(status, 0, stderr);
  };
  limit(String(bytes));
  return () => limit("unlimited");
}

function edit(path: string, statements: string): void {
  const database = new DatabaseSync(path);
  database.exec(statements);
  database.close();
}

function fill(path: string): void {
  const ledger = open(path);
  ledger.append({ afterPosition: 0, entries: [paused, aborted, paused] });
  ledger.close();
}

for (const { words, statements, position } of [
  {
    words: "a changed byte",
    statements: "UPDATE entries SET body = replace(body, 'enough', 'Enough') WHERE position = 2",
    position: 2,
  },
  {
    words: "a changed hash",
    statements: "UPDATE entries SET hash = replace(hash, substr(hash, 1, 1), 'x') WHERE position = 2",
    position: 2,
  },
  { words: "a removed entry", statements: "DELETE FROM entries WHERE position = 2", position: 2 },
]) {
  test(`${words} in the file is found by the chain`, () => {
    const path = newPath();
    fill(path);
    edit(path, statements);
    const ledger = open(path);
    const check = verifyChain(ledger.read({ afterPosition: 0 }));
    ledger.close();
    assert.equal(check.ok, false);
    assert.equal(check.ok === false && check.position, position);
  });
}

test("two entries that changed places in the file are refused when read", () => {
  const path = newPath();
  fill(path);
  edit(
    path,
    "UPDATE entries SET position = 9 WHERE position = 1; UPDATE entries SET position = 1 WHERE position = 2; UPDATE entries SET position = 2 WHERE position = 9",
  );
  const ledger = open(path);
  assert.throws(() => ledger.read({ afterPosition: 0 }), { code: "BELAY_LEDGER_DAMAGED", message: /entry 1 .*entry 2/ });
  ledger.close();
});

test("a ledger of a newer format is refused with both versions, and stays as it is", () => {
  const path = newPath();
  fill(path);
  edit(path, "UPDATE meta SET value = '7' WHERE name = 'format'");
  assert.throws(() => open(path), { code: "BELAY_LEDGER_NEWER", message: /format 7; .*up to 1/, next: /newer version/ });
  edit(path, "UPDATE meta SET value = '1' WHERE name = 'format'");
  const ledger = open(path);
  assert.equal(ledger.position, 3);
  ledger.close();
});

test("an entry of a kind that this program does not know is refused by name", () => {
  const path = newPath();
  fill(path);
  edit(path, "UPDATE entries SET body = replace(body, 'abort-requested', 'abort-dreamt')");
  const ledger = open(path);
  assert.throws(() => ledger.read({ afterPosition: 0 }), { code: "BELAY_LEDGER_UNKNOWN_ENTRY", message: /abort-dreamt/ });
  ledger.close();
});

test("a file that is no ledger is refused and left alone", () => {
  const path = newPath();
  fill(path);
  writeFileSync(path, "not a database, but long enough to be read as the header of one, surely".repeat(20));
  assert.throws(() => open(path), { code: "BELAY_LEDGER_DAMAGED" });
  assert.match(readFileSync(path, "utf8"), /^not a database/);
});

test("a database of something else is refused", () => {
  const path = newPath();
  fill(path);
  edit(path, "DELETE FROM meta");
  assert.throws(() => open(path), { code: "BELAY_LEDGER_DAMAGED", message: /which log/ });
});

test("a folder that cannot be made is named", () => {
  const path = newPath();
  fill(path);
  assert.throws(() => open(join(path, "below", "ledger.db")), { code: "BELAY_LEDGER_UNWRITABLE", message: /below/ });
});

test("a disk with no page left is called full, and the log stays readable", () => {
  // Goal: the code that SQLite gives for a full disk (a limit on file sizes gives another one).
  // Method: the limit on pages lies in the connection, so it is reached through the statement that the ledger itself prepares.
  const path = newPath();
  const prepare = DatabaseSync.prototype.prepare;
  DatabaseSync.prototype.prepare = function (sql) {
    if (sql.startsWith("INSERT INTO entries")) this.exec("PRAGMA max_page_count = 8");
    return prepare.call(this, sql);
  };
  const ledger = open(path);
  DatabaseSync.prototype.prepare = prepare;
  ledger.append({ afterPosition: 0, entries: [paused] });
  const big = { ...aborted, fact: { kind: "abort-requested", reason: "x".repeat(100_000) } } as const;
  assert.throws(() => ledger.append({ afterPosition: 1, entries: [aborted, big] }), {
    code: "BELAY_LEDGER_UNWRITABLE",
    message: /disk is full/,
  });
  assert.equal(ledger.read({ afterPosition: 0 }).length, 1);
  ledger.append({ afterPosition: 1, entries: [aborted] });
  ledger.close();
});

test("another process is refused while the ledger is open, and what a killed one appended is there", () => {
  const path = newPath();
  fill(path);
  const held = open(path);
  const script = `
    const { openSqliteLedger } = await import(${JSON.stringify(import.meta.resolve("./sqlite-ledger.ts"))});
    const { createSignerFrom } = await import(${JSON.stringify(import.meta.resolve("./keys.ts"))});
    const ledger = openSqliteLedger({ path: ${JSON.stringify(path)}, clock: { now: () => Temporal.Now.instant() }, random: { bytes: (n) => new Uint8Array(n) }, signer: createSignerFrom(new Uint8Array(32)) });
    ledger.append({ afterPosition: 3, entries: [${JSON.stringify(paused)}] });
    process.kill(process.pid, "SIGKILL");`;
  const runChild = () => spawnSync(process.execPath, ["--input-type=module", "--eval", script], { encoding: "utf8" });
  assert.match(runChild().stderr, /BELAY_LEDGER_IN_USE/);
  held.close();
  assert.equal(runChild().signal, "SIGKILL");
  const ledger = open(path);
  assert.equal(ledger.position, 4);
  assert.ok(verifyChain(ledger.read({ afterPosition: 0 })).ok);
  ledger.close();
});

test("the file and its journal can be read by their owner only, also when the umask would allow more", () => {
  const path = newPath();
  const before = process.umask(0);
  const ledger = open(path);
  ledger.append({ afterPosition: 0, entries: [paused] });
  process.umask(before);
  const parent = join(path, "..");
  assert.equal(statSync(parent).mode & 0o777, 0o700);
  for (const name of readdirSync(parent)) assert.equal(statSync(join(parent, name)).mode & 0o777, 0o600, name);
  assert.ok(existsSync(`${path}-wal`));
  ledger.close();
  chmodSync(path, 0o600);
});
