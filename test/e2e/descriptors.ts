import { readdirSync, readFileSync, readlinkSync } from "node:fs";

/** How many descriptors of each kind a process has open. */
export type Descriptors = ReadonlyMap<string, number>;

/** As in the kernel's include/net/tcp_states.h. */
const tcpStates: Readonly<Record<string, string>> = {
  "01": "open",
  "02": "connecting",
  "04": "closing",
  "05": "closing",
  "06": "closing",
  "07": "closed",
  "08": "closed by the peer",
  "09": "closing",
  "0A": "listening",
  "0B": "closing",
};

interface TcpSocket {
  readonly localPort: number;
  readonly remotePort: number;
  readonly state: string;
}

/**
 * A process's descriptors by what they are. Of a TCP connection it says which side this process is, whether it is open, and of one that it
 * opened whether anything still listens where it leads: a connection to an instance that has ended is one that nobody lets go of.
 */
export function describeDescriptors(pid: number): Descriptors {
  const links = readdirSync(`/proc/${pid}/fd`).flatMap((fd) => readLink(`/proc/${pid}/fd/${fd}`) ?? []);
  // After the descriptors: what is opened meanwhile is counted nowhere, and what was closed meanwhile as such.
  const sockets = readTcp(pid);
  const unix = readUnix(pid);
  const listening = new Set([...sockets.values()].filter(({ state }) => state === "listening").map(({ localPort }) => localPort));
  const counts = new Map<string, number>();
  for (const link of links) {
    const inode = /^socket:\[(\d+)\]$/.exec(link)?.[1];
    const kind = inode === undefined ? fileKindOf(link) : socketKindOf(sockets.get(inode), unix.has(inode), listening);
    counts.set(kind, (counts.get(kind) ?? 0) + 1);
  }
  return counts;
}

export function countOf(descriptors: Descriptors): number {
  return [...descriptors.values()].reduce((sum, count) => sum + count, 0);
}

export function listDescriptors(descriptors: Descriptors): string {
  return [...descriptors]
    .sort(([a], [b]) => a.localeCompare(b))
    .map(([kind, count]) => `${count} ${kind}`)
    .join(", ");
}

function fileKindOf(link: string): string {
  return link.startsWith("/") ? "file" : (/^(?:anon_inode:)?\[?([a-z_]+)/.exec(link)?.[1] ?? "other");
}

function socketKindOf(socket: TcpSocket | undefined, isUnix: boolean, listening: ReadonlySet<number>): string {
  if (socket === undefined) return isUnix ? "unix socket" : "socket that comes or goes";
  const { state, localPort, remotePort } = socket;
  if (state === "listening") return "listening";
  if (listening.has(localPort)) return `from a client (${state})`;
  return `to ${listening.has(remotePort) ? "a server" : "nobody who listens"} (${state})`;
}

/** Every TCP socket that the process can see, by inode. */
function readTcp(pid: number): ReadonlyMap<string, TcpSocket> {
  const rows = ["tcp", "tcp6"].flatMap((table) => readFileSync(`/proc/${pid}/net/${table}`, "utf8").split("\n").slice(1));
  return new Map(
    rows.flatMap((row) => {
      const [, local = "", remote = "", state = "", , , , , , inode] = row.trim().split(/\s+/);
      if (inode === undefined || inode === "0") return [];
      return [[inode, { localPort: portOf(local), remotePort: portOf(remote), state: tcpStates[state] ?? state }] as const];
    }),
  );
}

function readUnix(pid: number): ReadonlySet<string> {
  const rows = readFileSync(`/proc/${pid}/net/unix`, "utf8").split("\n").slice(1);
  return new Set(rows.flatMap((row) => row.trim().split(/\s+/)[6] ?? []));
}

function portOf(address: string): number {
  return Number.parseInt(address.split(":")[1] ?? "", 16);
}

/** Undefined when it was closed between two looks. */
function readLink(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw cause;
  }
}
