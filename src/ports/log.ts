import { writeSync } from "node:fs";

/** Diagnostics for the operator of Belay itself. Never request content, never a secret. */
export interface Log {
  info(message: string, fields?: Readonly<Record<string, unknown>>): void;
  warn(message: string, fields?: Readonly<Record<string, unknown>>): void;
  error(message: string, fields?: Readonly<Record<string, unknown>>): void;
}

const standardError = 2;

/** One JSON document a line on standard error, which the keeper appends to the process's log file. Never throws: a line that cannot be written is lost. */
export function createJsonLog(process_: string): Log {
  const write = (level: string) => (message: string, fields?: Readonly<Record<string, unknown>>) => {
    const line = JSON.stringify({ at: Temporal.Now.instant().toString(), level, process: process_, message, ...fields });
    try {
      writeSync(standardError, `${line}\n`);
    } catch {
      // The disk is full, most likely. `process.stderr` would end the process for that, and with it what the disk has nothing to do with.
    }
  };
  return { info: write("info"), warn: write("warn"), error: write("error") };
}

/** For tests that do not look at the log. */
export const silentLog: Log = { info: () => {}, warn: () => {}, error: () => {} };
