import { damaged, inUse, unwritable } from "./ledger-errors.ts";

/** Primary result codes of SQLite (https://sqlite.org/rescode.html); the extended ones carry them in their low byte. */
const code = { perm: 3, busy: 5, locked: 6, readonly: 8, ioerr: 10, corrupt: 11, full: 13, cantopen: 14, notadb: 26 } as const;

const diskWords: Readonly<Record<number, string>> = {
  [code.perm]: "permission denied",
  [code.readonly]: "the file is read-only",
  [code.ioerr]: "the disk refused to write, which is an error of the disk or a limit on file sizes",
  [code.full]: "the disk is full",
  [code.cantopen]: "the file cannot be opened",
};

/** What a failure of SQLite, or of the file system under it, means for the ledger at `path`. What is neither is returned as it is: a bug. */
export function toLedgerError(cause: unknown, path: string): unknown {
  if (!(cause instanceof Error)) return cause;
  if ("errcode" in cause && typeof cause.errcode === "number") return fromSqlite(cause, cause.errcode & 0xff, path);
  if ("syscall" in cause && "code" in cause) return unwritable(path, cause.message, cause);
  return cause;
}

function fromSqlite(cause: Error, primary: number, path: string): unknown {
  const words = diskWords[primary];
  if (words !== undefined) return unwritable(path, `${words} (SQLite: ${cause.message})`, cause);
  if (primary === code.busy || primary === code.locked) return inUse(path, cause);
  if (primary !== code.corrupt && primary !== code.notadb) return cause;
  return damaged(`${path} (SQLite: ${cause.message})`, cause);
}
