import { closeSync, fsyncSync, openSync, readFileSync, statSync, writeSync } from "node:fs";
import { BelayError } from "../errors.ts";
import type { Random } from "./random.ts";

const keyBytes = 32;

/** Beside the data folder and not in it: a copy of the folder, such as a backup, tells no secret. */
export function configKeyFile(dataFolder: string): string {
  return `${dataFolder.replace(/\/+$/, "")}.key`;
}

/** Throws `BELAY_CONFIG_KEY_MISSING`, `BELAY_CONFIG_KEY_READABLE` when others may read it, or `BELAY_CONFIG_KEY_UNUSABLE`. */
export function readConfigKey(file: string): Uint8Array {
  try {
    const { mode, size } = statSync(file);
    if (size === 0) throw missing(file);
    if ((mode & 0o077) !== 0) throw readable(file);
    const key = readFileSync(file);
    if (key.length !== keyBytes) throw new Error(`it has ${key.length} bytes, not ${keyBytes}`);
    return key;
  } catch (cause) {
    if (cause instanceof BelayError) throw cause;
    throw (cause as NodeJS.ErrnoException).code === "ENOENT" ? missing(file) : unusable(file, cause);
  }
}

/** As `readConfigKey`; makes the key when the file is missing or empty. */
export function openConfigKey(file: string, random: Pick<Random, "bytes">): Uint8Array {
  if ((statSync(file, { throwIfNoEntry: false })?.size ?? 0) === 0) makeKey(file, random);
  return readConfigKey(file);
}

/** In place, because the folder around the data folder may be closed to this user: then somebody else made the empty file. */
function makeKey(file: string, random: Pick<Random, "bytes">): void {
  try {
    const descriptor = openSync(file, "a", 0o600);
    try {
      writeSync(descriptor, random.bytes(keyBytes));
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
  } catch (cause) {
    throw unusable(file, cause);
  }
}

function missing(file: string): BelayError {
  return new BelayError({
    code: "BELAY_CONFIG_KEY_MISSING",
    message: `the key ${file} is missing, and without it nobody can read the configuration and the secrets in the data folder`,
    next: `Put the key back from where you keep a copy of it; without one, remove \`config\` from the data folder, set each secret anew and deploy.`,
  });
}

function readable(file: string): BelayError {
  return new BelayError({
    code: "BELAY_CONFIG_KEY_READABLE",
    message: `${file} can be read or written by other users, and it opens every secret`,
    next: `Run \`chmod 600 ${file}\`, and change the secrets if others were able to read it.`,
  });
}

function unusable(file: string, cause: unknown): BelayError {
  return new BelayError({
    code: "BELAY_CONFIG_KEY_UNUSABLE",
    message: `the key ${file} could not be read or made: ${(cause as Error).message}`,
    next: `Make an empty file there that only the user who runs Belay can read: \`sudo install -m 600 -o <user> /dev/null ${file}\`.`,
    cause,
  });
}
