import { accessSync, constants, existsSync, readdirSync, readFileSync, type Stats, statfsSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { configKeyFile } from "./config-key.ts";

/** A folder or file as far as its mode matters. */
export interface ModeFacts {
  readonly path: string;
  readonly isOwn: boolean;
  readonly mode: number;
  readonly isReadable: boolean;
  readonly isWritable: boolean;
  readonly changedAtMs: number;
}

/** What this machine offers, read and not judged. Null is what could not be read. */
export interface MachineFacts {
  readonly system: string;
  readonly node: string;
  readonly disk: {
    readonly freeBytes: number;
    readonly totalBytes: number;
    readonly freeFiles: number;
    readonly totalFiles: number;
    readonly type: number;
  } | null;
  readonly memory: { readonly availableBytes: number; readonly totalBytes: number } | null;
  /** Hard limits: Node raises the soft one of descriptors itself. */
  readonly descriptorsMax: number | null;
  readonly processesMax: number | null;
  /** Kernel settings by name, as text. */
  readonly kernel: Readonly<Record<string, string | null>>;
  /** Whether a time service says that it keeps the clock; null when none is known here. */
  readonly isClockKept: boolean | null;
  /** The data folder, or null when there is none yet. */
  readonly dataFolder: ModeFacts | null;
  readonly keys: readonly ModeFacts[];
  /** The file of the key without which sealed configuration in the data folder cannot be read; null when it is there, or not needed. */
  readonly missingKey: string | null;
  readonly ledger: ModeFacts | null;
}

const kernelSettings = [
  "net.core.somaxconn",
  "net.ipv4.ip_local_port_range",
  "net.ipv4.ip_unprivileged_port_start",
  "kernel.pid_max",
  "fs.file-max",
] as const;

/** Reads only; nothing is created, not even the data folder. */
export function readMachine(dataFolder: string): MachineFacts {
  const limits = readText("/proc/self/limits") ?? "";
  return {
    system: process.platform,
    node: process.versions.node,
    disk: readDisk(dataFolder),
    memory: readMemory(),
    descriptorsMax: hardLimit(limits, "Max open files"),
    processesMax: hardLimit(limits, "Max processes"),
    kernel: Object.fromEntries(
      kernelSettings.map((name) => [name, readText(`/proc/sys/${name.replaceAll(".", "/")}`)?.trim() ?? null]),
    ),
    isClockKept: readClock(),
    dataFolder: readMode(dataFolder),
    keys: [...namesIn(join(dataFolder, "keys")).map((name) => join(dataFolder, "keys", name)), configKeyFile(dataFolder)].flatMap(
      (path) => readMode(path) ?? [],
    ),
    missingKey:
      namesIn(join(dataFolder, "config")).length > 0 && !existsSync(configKeyFile(dataFolder)) ? configKeyFile(dataFolder) : null,
    ledger: readMode(join(dataFolder, "ledger.sqlite")),
  };
}

function readDisk(folder: string): MachineFacts["disk"] {
  for (let path = folder; ; path = dirname(path)) {
    try {
      const { bavail, blocks, bsize, ffree, files, type } = statfsSync(path);
      return { freeBytes: bavail * bsize, totalBytes: blocks * bsize, freeFiles: ffree, totalFiles: files, type };
    } catch (cause) {
      // A folder that is to be made lies where its nearest parent lies.
      if ((cause as NodeJS.ErrnoException).code !== "ENOENT" || path === dirname(path)) return null;
    }
  }
}

function readMemory(): MachineFacts["memory"] {
  const text = readText("/proc/meminfo") ?? "";
  const bytes = (name: string) => {
    const kilobytes = new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(text)?.[1];
    return kilobytes === undefined ? null : Number(kilobytes) * 1024;
  };
  const [availableBytes, totalBytes] = [bytes("MemAvailable"), bytes("MemTotal")];
  return availableBytes === null || totalBytes === null ? null : { availableBytes, totalBytes };
}

function hardLimit(limits: string, name: string): number | null {
  const hard = new RegExp(`^${name}\\s+\\S+\\s+(\\S+)`, "m").exec(limits)?.[1];
  if (hard === undefined) return null;
  return hard === "unlimited" ? Number.POSITIVE_INFINITY : Number(hard);
}

/** systemd-timesyncd leaves a mark; chrony and ntpd leave a file of their drift, which says that they are there. */
function readClock(): boolean | null {
  if (readMode("/run/systemd/timesync/synchronized") !== null) return true;
  if (
    ["/var/lib/chrony/drift", "/var/lib/chrony/chrony.drift", "/var/lib/ntp/ntp.drift", "/var/lib/ntpsec/ntp.drift"].some(
      (path) => readMode(path) !== null,
    )
  )
    return true;
  return readMode("/run/systemd/timesync") === null ? null : false;
}

function readMode(path: string): ModeFacts | null {
  let stats: Stats;
  try {
    stats = statSync(path);
  } catch (cause) {
    if (["ENOENT", "EACCES", "ENOTDIR", "EPERM"].includes((cause as NodeJS.ErrnoException).code ?? "")) return null;
    throw cause;
  }
  return {
    path,
    isOwn: stats.uid === process.getuid?.(),
    mode: stats.mode & 0o777,
    isReadable: isAllowed(path, constants.R_OK),
    isWritable: isAllowed(path, constants.W_OK),
    changedAtMs: stats.mtimeMs,
  };
}

function isAllowed(path: string, right: number): boolean {
  try {
    accessSync(path, right);
    return true;
  } catch {
    return false;
  }
}

function namesIn(folder: string): readonly string[] {
  return absent(() => readdirSync(folder)) ?? [];
}

function readText(path: string): string | null {
  return absent(() => readFileSync(path, "utf8"));
}

function absent<Value>(read: () => Value): Value | null {
  try {
    return read();
  } catch (cause) {
    if (["ENOENT", "EACCES", "EPERM", "ENOTDIR"].includes((cause as NodeJS.ErrnoException).code ?? "")) return null;
    throw cause;
  }
}
