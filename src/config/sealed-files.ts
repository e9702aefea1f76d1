import { existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { BelayError } from "../errors.ts";
import { openConfigKey, readConfigKey } from "../ports/config-key.ts";
import { writeFileDurably } from "../ports/durable-file.ts";
import type { Random } from "../ports/random.ts";
import { createSealing, type Sealing } from "../ports/sealing.ts";

/** Documents by name, of which nothing can be read without the key. */
export interface SealedFiles {
  readonly sealing: () => Sealing;
  /** Undefined when there is none. Throws `BELAY_CONFIG_DAMAGED` when it cannot be opened. */
  read(name: string): unknown;
  write(name: string, document: unknown): void;
  /** Names that begin like this. */
  names(prefix: string): readonly string[];
}

const ending = ".sealed";

/** In a folder, 0600. The key is made with the first document, and never a second time while there are documents. */
export function openSealedFiles(options: {
  readonly folder: string;
  readonly keyFile: string;
  readonly random: Pick<Random, "bytes">;
}): SealedFiles {
  const { folder, keyFile, random } = options;
  const names = (prefix: string) =>
    existsSync(folder)
      ? readdirSync(folder)
          .filter((file) => file.startsWith(prefix) && file.endsWith(ending))
          .map((file) => file.slice(0, -ending.length))
      : [];
  // Read each time: a key that was put back, or taken away, counts from then on for every process alike.
  const sealing = () => createSealing(names("").length === 0 ? openConfigKey(keyFile, random) : readConfigKey(keyFile), random);
  return {
    sealing,
    names,
    read: (name) => {
      const path = join(folder, `${name}${ending}`);
      return existsSync(path) ? openDocument(sealing(), readFileSync(path, "utf8"), { name, path }) : undefined;
    },
    write: (name, document) => {
      mkdirSync(folder, { recursive: true, mode: 0o700 });
      writeFileDurably(join(folder, `${name}${ending}`), sealing().seal(JSON.stringify(document), name));
    },
  };
}

/** In memory, for the simulator and for tests. */
export function createMemoryFiles(random: Pick<Random, "bytes">): SealedFiles {
  const sealing = createSealing(random.bytes(32), random);
  const files = new Map<string, string>();
  return {
    sealing: () => sealing,
    names: (prefix) => [...files.keys()].filter((name) => name.startsWith(prefix)),
    read: (name) => {
      const sealed = files.get(name);
      return sealed === undefined ? undefined : openDocument(sealing, sealed, { name, path: name });
    },
    write: (name, document) => void files.set(name, sealing.seal(JSON.stringify(document), name)),
  };
}

function openDocument(
  sealing: Sealing,
  sealed: string,
  { name, path }: { readonly name: string; readonly path: string },
): unknown {
  try {
    return JSON.parse(sealing.open(sealed, name));
  } catch (cause) {
    throw new BelayError({
      code: "BELAY_CONFIG_DAMAGED",
      message: `${path} cannot be opened: it was changed, or sealed with another key`,
      next: "Put the file, or the key beside the data folder, back from a copy.",
      cause,
    });
  }
}
