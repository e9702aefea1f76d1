import assert from "node:assert/strict";
import { test } from "node:test";
import { migrations } from "./migrations.ts";
import { type Given, resultOf, toldOf } from "./subject.fixture.ts";

const checks = '{ migrations: ["db/*.sql"] }';

async function told(t: Parameters<typeof resultOf>[0], sql: string, given: Given = {}): Promise<readonly string[]> {
  const result = await resultOf(t, migrations, { checks, files: { "db/1.sql": sql }, ...given });
  return toldOf(result).map((words) => words.replace("db/1.sql:", ""));
}

test("statements that the release before can live with pass", async (t) => {
  const sql = `
CREATE TABLE gifts (id bigint PRIMARY KEY, note text NOT NULL, order_id bigint REFERENCES orders (id));
CREATE INDEX ON gifts (note);
DELETE FROM gifts;
ALTER TABLE gifts DROP COLUMN note, ALTER COLUMN id TYPE int;
ALTER TABLE orders ADD COLUMN gift boolean NOT NULL DEFAULT false, ADD COLUMN at timestamptz DEFAULT now();
CREATE INDEX CONCURRENTLY orders_gift ON orders (gift);
ALTER TABLE orders ADD CONSTRAINT positive CHECK (total > 0) NOT VALID;
ALTER TABLE orders ADD CONSTRAINT one UNIQUE USING INDEX orders_one;
UPDATE orders SET gift = true WHERE id < 100;
ALTER TYPE state ADD VALUE 'sent';
CREATE POLICY mine ON orders USING (owner = current_user);
DROP INDEX CONCURRENTLY old_index;
REINDEX INDEX CONCURRENTLY orders_gift;
`;
  const result = await resultOf(t, migrations, { checks, files: { "db/1.sql": sql } });
  assert.deepEqual(toldOf(result), []);
  assert.deepEqual([result.status, result.evidence.tool], ["pass", "libpg-query"]);
});

for (const [sql, rule] of [
  ["DROP TABLE orders", "drop-table"],
  ["DROP SCHEMA shop CASCADE", "drop-schema"],
  ["DROP TYPE state", "drop-type"],
  ["DROP DATABASE shop", "drop-database"],
  ["TRUNCATE orders", "truncate"],
  ["ALTER TABLE orders RENAME COLUMN a TO b", "rename"],
  ["ALTER TABLE orders RENAME TO sales", "rename"],
  ["CREATE INDEX ON orders (a)", "blocking-index"],
  ["REINDEX TABLE orders", "reindex"],
  ["UPDATE orders SET a = 1", "unbounded-update"],
  ["DELETE FROM shop.orders", "unbounded-delete"],
  ["ALTER TABLE orders DROP COLUMN a", "drop-column"],
  ["ALTER TABLE orders ADD COLUMN a int NOT NULL", "add-not-null"],
  ["ALTER TABLE orders ADD COLUMN a int UNIQUE", "unique-constraint"],
  ["ALTER TABLE orders ALTER COLUMN a TYPE text", "change-type"],
  ["ALTER TABLE orders ALTER COLUMN a SET NOT NULL", "set-not-null"],
  ["ALTER TABLE orders ADD CHECK (a > 0)", "validated-constraint"],
  ["ALTER TABLE orders ADD FOREIGN KEY (a) REFERENCES b (id)", "validated-constraint"],
  ["ALTER TABLE orders ADD PRIMARY KEY (a)", "unique-constraint"],
  ["LOCK TABLE orders", "lock"],
  ["SELEKT 1", "syntax"],
] as const) {
  test(`${sql} fails by ${rule}`, async (t) => {
    assert.deepEqual(await told(t, `${sql};`), [`1:1 ${rule}`]);
  });
}

test("what cannot be looked into is told, never passed", async (t) => {
  assert.deepEqual(await told(t, "DO $$ BEGIN EXECUTE 'DROP TABLE orders'; END $$;"), ["1:1 not-analysed"]);
  assert.deepEqual(await told(t, "ALTER TABLE orders ADD COLUMN id uuid DEFAULT gen_random_uuid();"), ["1:1 volatile-default"]);
  assert.deepEqual(await told(t, "BEGIN; CREATE INDEX CONCURRENTLY ON orders (a); COMMIT;"), ["1:8 concurrently-in-transaction"]);
});

test("places are right behind letters of several bytes, comments and other statements", async (t) => {
  const sql = "-- Änderung für später ✓\n/* ü /* nested */ */ SELECT 'é';\n\n  /* ö */ DROP TABLE orders;\n";
  assert.deepEqual(await told(t, sql), ["4:11 drop-table"]);
  assert.deepEqual(await told(t, "SELECT 'é';\nSELEKT 1;\n"), ["2:1 syntax"]);
});

test("a statement is allowed by a reason in the line above, and by nothing less", async (t) => {
  const drop = "ALTER TABLE orders DROP COLUMN note;";
  assert.deepEqual(await told(t, `-- belay:allow drop-column unused since 2.3, see the query log\n${drop}`), []);
  assert.deepEqual(await told(t, `-- belay:allow drop-column\n${drop}`), ["2:1 drop-column"]);
  assert.deepEqual(await told(t, `-- belay:allow drop-table gone since 2.3\n${drop}`), ["2:1 drop-column"]);
});

test("what was released before is not looked at again, unless it was changed since", async (t) => {
  const files = { "db/1.sql": "DROP TABLE a;", "db/2.sql": "SELECT 1;" };
  const same = await resultOf(t, migrations, { checks, files, previous: { sources: files } });
  assert.deepEqual([same.status, same.summary], ["pass", "2 migrations, 2 released before"]);
  const changed = await resultOf(t, migrations, { checks, files, previous: { sources: { ...files, "db/2.sql": "SELECT 2;" } } });
  assert.deepEqual(toldOf(changed), ["db/2.sql:1 changed"]);
});

test("a glob that names nothing could not be checked; without globs there is nothing to check; a waiver accepts", async (t) => {
  assert.equal((await resultOf(t, migrations, { checks, files: { a: "" } })).status, "error");
  assert.equal((await resultOf(t, migrations, { files: { "db/1.sql": "DROP TABLE a;" } })).status, "skipped");
  const waived =
    '{ migrations: ["db/*.sql"], waivers: [{ check: migrations, rule: drop-table, reason: r, by: ann, until: 2099-01-01 }] }';
  assert.equal((await resultOf(t, migrations, { checks: waived, files: { "db/1.sql": "DROP TABLE a;" } })).status, "pass");
});
