import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { getPriority, setPriority } from "node:os";

/** One process as the kernel describes it in /proc (Linux). */
export interface ProcessFacts {
  readonly pid: number;
  readonly parentPid: number;
  readonly sessionId: number;
  /** Clock ticks since boot. With the pid and the boot id it names one process for ever; a pid alone is used again. */
  readonly startedAtTicks: number;
  /** All its threads have ended, so that it holds no file and no port any more; it only waits to be collected by its parent. */
  readonly isZombie: boolean;
}

export interface ListeningSocket {
  readonly host: string;
  readonly port: number;
  /** Reachable from this machine alone. */
  readonly isLoopback: boolean;
}

/** Undefined when there is no such process. A zombie is returned as such. */
export function readProcess(pid: number): ProcessFacts | undefined {
  const stat = readProcFile(`/proc/${pid}/stat`);
  // The command's name, in parentheses, may hold spaces and parentheses itself: what counts starts after the last one.
  const fields = stat?.slice(stat.lastIndexOf(")") + 2).split(" ");
  if (fields === undefined || fields.length < 20) return undefined;
  const number = (index: number) => Number(fields[index]);
  return {
    pid,
    parentPid: number(1),
    sessionId: number(3),
    startedAtTicks: number(19),
    // The first thread of a killed process is shown as Z while others still run, and hold its sockets and locks.
    isZombie: fields[0] === "X" || (fields[0] === "Z" && number(17) <= 1),
  };
}

/** True while the very process that was started then still runs. */
export function isAlive(pid: number, startedAtTicks: number): boolean {
  const facts = readProcess(pid);
  return facts !== undefined && !facts.isZombie && facts.startedAtTicks === startedAtTicks;
}

/** Every process of this machine that still runs. */
export function listProcesses(): readonly ProcessFacts[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => readProcess(Number(name)) ?? [])
    .filter((facts) => !facts.isZombie);
}

/**
 * What a session's leader started and what became of it: its descendants, and the members of its session, which stay
 * findable after their parents have ended. Without the leader itself when that has ended.
 */
export function processTree(leader: { readonly pid: number; readonly startedAtTicks: number }): readonly number[] {
  return processTreeAmong(listProcesses(), leader);
}

/** As `processTree`, for callers that look at many leaders at once. */
export function processTreeAmong(
  processes: readonly ProcessFacts[],
  leader: { readonly pid: number; readonly startedAtTicks: number },
): readonly number[] {
  const present = processes.find((facts) => facts.pid === leader.pid);
  // A pid is not given away while a session bears its number: another process under it means that the session is over.
  if (present !== undefined && present.startedAtTicks !== leader.startedAtTicks) return [];
  const members = new Set(
    processes.filter((facts) => facts.sessionId === leader.pid || facts.pid === leader.pid).map(({ pid }) => pid),
  );
  for (let isGrowing = members.size > 0; isGrowing; ) {
    const before = members.size;
    for (const facts of processes) if (members.has(facts.parentPid)) members.add(facts.pid);
    isGrowing = members.size > before;
  }
  return [...members];
}

/** Memory that the processes hold in RAM, in bytes; pages that they share are counted for each. */
export function residentBytes(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => {
    const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(readProcFile(`/proc/${pid}/status`) ?? "")?.[1];
    return sum + Number(kilobytes ?? 0) * 1024;
  }, 0);
}

/** TCP sockets on which any of the processes listens. */
export function listeningSockets(pids: readonly number[]): readonly ListeningSocket[] {
  const found = new Map<string, ListeningSocket>();
  for (const pid of pids) {
    const inodes = socketInodes(pid);
    if (inodes.size === 0) continue;
    for (const table of ["tcp", "tcp6"]) {
      for (const { inode, socket } of parseListening(readProcFile(`/proc/${pid}/net/${table}`) ?? "")) {
        if (inodes.has(inode)) found.set(`${socket.host} ${socket.port}`, socket);
      }
    }
  }
  return [...found.values()];
}

/** Processes in whose environment the variable's value begins like this. Children have it from their parents, whoever adopts them. */
export function processesWith(variable: string, valuePrefix: string): readonly number[] {
  return listProcesses()
    .map(({ pid }) => pid)
    .filter((pid) => {
      const environment = readProcFile(`/proc/${pid}/environ`)?.split("\0") ?? [];
      return environment.some((setting) => setting.startsWith(`${variable}=${valuePrefix}`));
    });
}

/** Changes with each start of the machine: pids and ticks mean nothing across it. */
export function bootId(): string {
  return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
}

const backgroundNiceness = 10;

/** What is started by what has its niceness already inherits it, so that a look or two find the rest. */
const looksMax = 5;

/**
 * Has a process that was just started, and whatever it starts, give way to others: at a niceness of 10 it gets a tenth of the processor's time
 * while one other process wants all of it, and all of it when none does. Niceness is each thread's own (setpriority(2), sched(7)), and the
 * process may have started threads and children before its turn comes here. It leads a session.
 */
export function giveWay(pid: number): void {
  const leader = readProcess(pid);
  if (leader === undefined) return;
  for (let look = 0; look < looksMax; look += 1) {
    const eager = processTree(leader)
      .flatMap(threadsOf)
      .filter((thread) => withoutEnded(() => getPriority(thread) < backgroundNiceness) === true);
    if (eager.length === 0) return;
    for (const thread of eager) withoutEnded(() => setPriority(thread, backgroundNiceness));
  }
}

function threadsOf(pid: number): readonly number[] {
  try {
    return readdirSync(`/proc/${pid}/task`).map(Number);
  } catch (cause) {
    if (["ENOENT", "ESRCH"].includes((cause as NodeJS.ErrnoException).code ?? "")) return [];
    throw cause;
  }
}

/** Undefined when the thread has ended already. */
function withoutEnded<T>(act: () => T): T | undefined {
  try {
    return act();
  } catch (cause) {
    if ((cause as { readonly info?: { readonly code?: string } }).info?.code === "ESRCH") return undefined;
    throw cause;
  }
}

/** Sends a signal. False when no such process is left, or it belongs to somebody else. */
export function sendSignal(pid: number, signal: NodeJS.Signals): boolean {
  try {
    process.kill(pid, signal);
    return true;
  } catch (cause) {
    if (["ESRCH", "EPERM"].includes((cause as NodeJS.ErrnoException).code ?? "")) return false;
    throw cause;
  }
}

/** The lines of /proc/net/tcp or tcp6 whose state is LISTEN (0A). Addresses are words in the machine's (little-endian) order. */
export function parseListening(table: string): readonly { readonly inode: string; readonly socket: ListeningSocket }[] {
  return table
    .split("\n")
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .filter((fields) => fields[3] === "0A")
    .map((fields) => {
      const [address = "", port = ""] = (fields[1] ?? "").split(":");
      return { inode: fields[9] ?? "", socket: { ...decodeAddress(address), port: Number.parseInt(port, 16) } };
    });
}

function decodeAddress(hex: string): Pick<ListeningSocket, "host" | "isLoopback"> {
  const bytes = Buffer.from(hex, "hex");
  bytes.swap32();
  const mapped = bytes.length === 16 && bytes.subarray(0, 12).equals(mappedPrefix);
  const four = bytes.length === 4 ? bytes : mapped ? bytes.subarray(12) : undefined;
  if (four !== undefined) return { host: four.join("."), isLoopback: four[0] === 127 };
  const groups = Array.from({ length: 8 }, (_, index) => bytes.readUInt16BE(index * 2).toString(16));
  const isAny = bytes.every((byte) => byte === 0);
  const isLoopback = bytes.subarray(0, 15).every((byte) => byte === 0) && bytes[15] === 1;
  return { host: isAny ? "::" : isLoopback ? "::1" : groups.join(":"), isLoopback };
}

const mappedPrefix = Buffer.from("00000000000000000000ffff", "hex");

function socketInodes(pid: number): ReadonlySet<string> {
  const inodes = new Set<string>();
  for (const name of readProcFolder(`/proc/${pid}/fd`)) {
    const inode = /^socket:\[(\d+)\]$/.exec(readProcLink(`/proc/${pid}/fd/${name}`) ?? "")?.[1];
    if (inode !== undefined) inodes.add(inode);
  }
  return inodes;
}

/** A process may end between two looks, and another user's files are closed to us: both read as absent. */
function absentWhenGone<Value>(read: () => Value): Value | undefined {
  try {
    return read();
  } catch (cause) {
    if (["ENOENT", "ESRCH", "EACCES", "EPERM"].includes((cause as NodeJS.ErrnoException).code ?? "")) return undefined;
    throw cause;
  }
}

const readProcFile = (path: string) => absentWhenGone(() => readFileSync(path, "utf8"));
const readProcLink = (path: string) => absentWhenGone(() => readlinkSync(path));
const readProcFolder = (path: string) => absentWhenGone(() => readdirSync(path)) ?? [];
