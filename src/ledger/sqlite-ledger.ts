import { closeSync, mkdirSync, openSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { BelayError } from "../errors.ts";
import type { Clock } from "../ports/clock.ts";
import type { Random } from "../ports/random.ts";
import type { Entry } from "../rollout/entry.ts";
import { type ChainPoint, chainStart } from "./chain.ts";
import { type Signer, signCheckpoint } from "./checkpoint.ts";
import type { ChainedEntry, Checkpoint, Ledger } from "./ledger.ts";
import { closedLedger, conflict, damaged } from "./ledger-errors.ts";
import { toLedgerError } from "./sqlite-failure.ts";
import { type StampedEntry, stampEntries } from "./stamp.ts";
import { parseEntry } from "./upcast.ts";

/** Form of the file. Raised when its tables change; entries have a version of their own. */
const formatNow = 1;

const schema = `
  CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS entries (
    position INTEGER PRIMARY KEY,
    at TEXT NOT NULL,
    version INTEGER NOT NULL,
    kind TEXT NOT NULL,
    environment TEXT NOT NULL,
    service TEXT NOT NULL,
    rollout TEXT NOT NULL,
    body TEXT NOT NULL,
    hash TEXT NOT NULL
  ) STRICT;
  CREATE INDEX IF NOT EXISTS entries_by_rollout ON entries (rollout, position);
`;

export interface SqliteLedgerOptions {
  readonly path: string;
  readonly clock: Pick<Clock, "now">;
  readonly random: Pick<Random, "bytes">;
  readonly signer: Signer;
}

/**
 * The ledger in one SQLite file, 0600, made at the first use. The file is locked until `close` or the end of the process.
 * Throws `BELAY_LEDGER_IN_USE`, `BELAY_LEDGER_NEWER`, `BELAY_LEDGER_UNWRITABLE` or `BELAY_LEDGER_DAMAGED`.
 */
export function openSqliteLedger(options: SqliteLedgerOptions): Ledger {
  return new SqliteLedger(options);
}

class SqliteLedger implements Ledger {
  readonly log: string;
  readonly #options: SqliteLedgerOptions;
  readonly #database: DatabaseSync;
  readonly #insert: StatementSync;
  #end: ChainPoint;

  constructor(options: SqliteLedgerOptions) {
    this.#options = options;
    this.#database = openDatabase(options.path);
    try {
      this.log = openLog(this.#database, options);
      this.#end = readEnd(this.#database);
      this.#insert = this.#database.prepare("INSERT INTO entries VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)");
    } catch (cause) {
      this.#database.close();
      throw toLedgerError(cause, options.path);
    }
  }

  get position(): number {
    return this.#end.position;
  }

  append({ afterPosition, entries }: Parameters<Ledger["append"]>[0]): readonly Entry[] {
    this.#demandOpen();
    if (afterPosition !== this.position) throw conflict(afterPosition, this.position);
    const stamped = stampEntries({ entries, end: this.#end, clock: this.#options.clock });
    const last = stamped.at(-1);
    if (last === undefined) return [];
    try {
      this.#write(stamped);
    } catch (cause) {
      // After a full disk SQLite has rolled back by itself, after other failures it leaves that to us.
      if (this.#database.isTransaction) this.#database.exec("ROLLBACK");
      throw toLedgerError(cause, this.#options.path);
    }
    this.#end = { position: last.entry.position, hash: last.hash };
    return stamped.map(({ entry }) => entry);
  }

  read({ afterPosition, limit = -1, rollout }: Parameters<Ledger["read"]>[0]): readonly ChainedEntry[] {
    this.#demandOpen();
    const filter = rollout === undefined ? "" : "AND rollout = :rollout";
    const parameters = { position: afterPosition, limit, ...(rollout === undefined ? {} : { rollout }) };
    const select = `SELECT position, body, hash FROM entries WHERE position > :position ${filter} ORDER BY position LIMIT :limit`;
    try {
      const rows = this.#database.prepare(select).all(parameters);
      return rows.map((row) => ({ entry: parseEntry(String(row["body"]), Number(row["position"])), hash: String(row["hash"]) }));
    } catch (cause) {
      throw toLedgerError(cause, this.#options.path);
    }
  }

  checkpoint(): Checkpoint {
    this.#demandOpen();
    return signCheckpoint(this.#options.signer, { log: this.log, ...this.#end, at: this.#options.clock.now().toString() });
  }

  close(): void {
    if (this.#database.isOpen) this.#database.close();
  }

  #write(stamped: readonly StampedEntry[]): void {
    this.#database.exec("BEGIN IMMEDIATE");
    for (const { entry, text, hash } of stamped) {
      const { position, at, version, environment, service, rollout, fact } = entry;
      this.#insert.run(position, at, version, fact.kind, environment, service, rollout, text, hash);
    }
    this.#database.exec("COMMIT");
  }

  #demandOpen(): void {
    if (!this.#database.isOpen) throw closedLedger();
  }
}

function openDatabase(path: string): DatabaseSync {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    // SQLite would make it readable for others, and gives its journal the mode that it finds here.
    closeSync(openSync(path, "a", 0o600));
    // A lock that is held is the answer: waiting for it would block the process, and its owner keeps it for life.
    return new DatabaseSync(path, { timeout: 0 });
  } catch (cause) {
    throw toLedgerError(cause, path);
  }
}

/** Locks the file for good, makes what is missing and returns the log's id. */
function openLog(database: DatabaseSync, { path, random }: SqliteLedgerOptions): string {
  // EXCLUSIVE before the first read: the lock then lasts, and the journal needs no memory shared with others.
  database.exec("PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;");
  database.exec("BEGIN EXCLUSIVE");
  const format = readFormat(database);
  if (format > formatNow) throw newerFormat(path, format);
  if (format === 0) {
    database.exec(schema);
    const insert = database.prepare("INSERT INTO meta VALUES (?, ?)");
    insert.run("format", String(formatNow));
    insert.run("log", Buffer.from(random.bytes(12)).toString("hex"));
  }
  const log = readMeta(database, "log");
  if (log === undefined || Number.isNaN(format)) throw damaged(`${path} does not say which log it is`);
  database.exec("COMMIT");
  return log;
}

/** 0 for a file that is still empty. */
function readFormat(database: DatabaseSync): number {
  const isMade = database.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'meta'").get() !== undefined;
  return isMade ? Number(readMeta(database, "format")) : 0;
}

function readMeta(database: DatabaseSync, name: string): string | undefined {
  return database.prepare("SELECT value FROM meta WHERE name = ?").get(name)?.["value"]?.toString();
}

function readEnd(database: DatabaseSync): ChainPoint {
  const row = database.prepare("SELECT position, hash FROM entries ORDER BY position DESC LIMIT 1").get();
  return row === undefined ? chainStart : { position: Number(row["position"]), hash: String(row["hash"]) };
}

function newerFormat(path: string, format: number): BelayError {
  return new BelayError({
    code: "BELAY_LEDGER_NEWER",
    message: `the ledger ${path} has format ${format}; this program knows formats up to ${formatNow}`,
    next: `Run the newer version of Belay that wrote it, or one that knows format ${format}.`,
  });
}
