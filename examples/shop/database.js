import { randomBytes } from "node:crypto";
import { DatabaseSync } from "node:sqlite";

const items = [
  ["Climbing rope, 60 m", 17900],
  ["Belay device", 3900],
  ["Locking carabiner", 1450],
  ["Chalk bag", 2200],
  ["Harness", 7900],
  ["Helmet", 6900],
  ["Quickdraw", 1850],
  ["Climbing shoes", 11900],
];

const schema = `
  CREATE TABLE IF NOT EXISTS items (id INTEGER PRIMARY KEY, name TEXT NOT NULL, price_cents INTEGER NOT NULL);
  CREATE TABLE IF NOT EXISTS sessions (id TEXT PRIMARY KEY, member TEXT) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS baskets (
    session TEXT NOT NULL, item INTEGER NOT NULL, count INTEGER NOT NULL, PRIMARY KEY (session, item)
  ) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS orders (id INTEGER PRIMARY KEY, session TEXT NOT NULL, total_cents INTEGER NOT NULL);
  CREATE TABLE IF NOT EXISTS assets (path TEXT PRIMARY KEY, type TEXT NOT NULL, body TEXT NOT NULL) WITHOUT ROWID;
`;

/**
 * Opens the file that all instances of all releases share. A release only ever adds to the schema (here: the gift note), so
 * the release before it keeps working beside it and after it.
 */
export function openDatabase(path, release) {
  const database = new DatabaseSync(path, { timeout: 5000 });
  switchToWal(database);
  inTransaction(database, () => {
    database.exec(schema);
    const insert = database.prepare("INSERT OR IGNORE INTO items VALUES (?, ?, ?)");
    for (const [index, [name, priceCents]] of items.entries()) insert.run(index + 1, name, priceCents);
    const columns = database.prepare("PRAGMA table_info(orders)").all();
    const hasNote = columns.some((column) => column.name === "gift_note");
    if (release.giftNote && !hasNote) database.exec("ALTER TABLE orders ADD COLUMN gift_note TEXT");
  });
  return createQueries(database, release);
}

function createQueries(database, release) {
  const listItems = database.prepare("SELECT id, name, price_cents AS priceCents FROM items ORDER BY id");
  const findItem = database.prepare("SELECT id, name, price_cents AS priceCents FROM items WHERE id = ?");
  const insertSession = database.prepare("INSERT INTO sessions VALUES (?, NULL)");
  const findSession = database.prepare("SELECT id, member FROM sessions WHERE id = ?");
  const setMember = database.prepare("UPDATE sessions SET member = ? WHERE id = ?");
  const addItem = database.prepare(
    "INSERT INTO baskets VALUES (?, ?, 1) ON CONFLICT (session, item) DO UPDATE SET count = count + 1",
  );
  const listBasket = database.prepare(
    "SELECT items.name, items.price_cents AS priceCents, count FROM baskets JOIN items ON items.id = item WHERE session = ? ORDER BY item",
  );
  const emptyBasket = database.prepare("DELETE FROM baskets WHERE session = ?");
  const insertOrder = release.giftNote
    ? database.prepare("INSERT INTO orders (session, total_cents, gift_note) VALUES (?, ?, ?)")
    : database.prepare("INSERT INTO orders (session, total_cents) VALUES (?, ?)");
  const insertAsset = database.prepare("INSERT OR IGNORE INTO assets VALUES (?, ?, ?)");
  const findAsset = database.prepare("SELECT type, body FROM assets WHERE path = ?");

  return {
    listItems: () => listItems.all(),
    findItem: (id) => findItem.get(id),
    openSession() {
      const id = randomBytes(16).toString("hex");
      insertSession.run(id);
      return { id, member: null };
    },
    findSession: (id) => findSession.get(id),
    logIn: (session, member) => setMember.run(member, session),
    addToBasket: (session, item) => addItem.run(session, item),
    listBasket: (session) => listBasket.all(session),
    /** Turns the basket into an order. Returns the order's number, or undefined for an empty basket. */
    placeOrder(session, giftNote) {
      return inTransaction(database, () => {
        const lines = listBasket.all(session);
        if (lines.length === 0) return undefined;
        const totalCents = lines.reduce((total, line) => total + line.priceCents * line.count, 0);
        const values = release.giftNote ? [session, totalCents, giftNote] : [session, totalCents];
        const { lastInsertRowid } = insertOrder.run(...values);
        emptyBasket.run(session);
        return Number(lastInsertRowid);
      });
    },
    publishAsset: ({ path, type, body }) => insertAsset.run(path, type, body),
    findAsset: (path) => findAsset.get(path),
    close: () => database.close(),
  };
}

/** Takes the write lock first, so that two instances wait for each other instead of failing half-way. */
function inTransaction(database, work) {
  database.exec("BEGIN IMMEDIATE");
  try {
    const result = work();
    database.exec("COMMIT");
    return result;
  } catch (error) {
    database.exec("ROLLBACK");
    throw error;
  }
}

/** The switch to WAL does not wait for locks as other statements do, and instances start at the same moment. */
function switchToWal(database) {
  for (let attempt = 1; ; attempt += 1) {
    try {
      database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL");
      return;
    } catch (error) {
      if (error.errcode !== 5 || attempt === 100) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 50);
    }
  }
}
