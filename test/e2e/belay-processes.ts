import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { setTimeout as sleep, setImmediate as turn } from "node:timers/promises";
import { isAlive, listeningSockets, listProcesses, readProcess, sendSignal } from "../../src/ports/processes.ts";

/** A process that works for one data folder. */
export interface BelayProcess {
  readonly pid: number;
  readonly parentPid: number;
  readonly startedAtTicks: number;
  /** keeper, holder, proxy, control, output; `other` is a service's instance, or a build. */
  readonly role: string;
  /** Of a proxy worker, as the keeper calls it. */
  readonly name: string;
}

/** Everything that runs for a data folder, found by what the kernel says of it: command line, or working folder. */
export function findProcesses(dataFolder: string): readonly BelayProcess[] {
  return listProcesses().flatMap(({ pid, parentPid, startedAtTicks }) => {
    const argv = readOrEmpty(() => readFileSync(`/proc/${pid}/cmdline`, "utf8")).split("\0");
    const role = argv[2] ?? "";
    if (argv[3] === dataFolder && ["keeper", "holder", "proxy", "control", "output"].includes(role))
      return [{ pid, parentPid, startedAtTicks, role, name: argv[4] ?? "" }];
    const folder = readOrEmpty(() => readlinkSync(`/proc/${pid}/cwd`));
    return folder.startsWith(`${dataFolder}/`) ? [{ pid, parentPid, startedAtTicks, role: "other", name: "" }] : [];
  });
}

/** The pids of a role; there must be one at least. */
export function pidsOf(dataFolder: string, role: string): readonly number[] {
  const pids = findProcesses(dataFolder)
    .filter((found) => found.role === role)
    .map(({ pid }) => pid);
  if (pids.length === 0) throw new Error(`no ${role} runs for ${dataFolder}`);
  return pids;
}

/** The process that listens on this port for a service of the data folder. */
export function pidListeningOn(dataFolder: string, port: number): number {
  const found = findProcesses(dataFolder).find(
    ({ pid, role }) => role === "other" && listeningSockets([pid]).some((socket) => socket.port === port),
  );
  if (found === undefined) throw new Error(`nothing of ${dataFolder} listens on port ${port}`);
  return found.pid;
}

/**
 * Kills all of them, again and again until none is left: a keeper between two passes may have started a new one. Returns when they have
 * ended whole, so that their ports are free and their locks released.
 */
export function killAll(dataFolder: string): void {
  // Keeper and holder first: they start anew what ends.
  const order = ["keeper", "holder", "control", "proxy", "output", "other"];
  for (let pass = 0; pass < 50; pass += 1) {
    const found = [...findProcesses(dataFolder)].sort((a, b) => order.indexOf(a.role) - order.indexOf(b.role));
    if (found.length === 0) return;
    for (const { pid } of found) sendSignal(pid, "SIGKILL");
    for (let poll = 0; poll < 1000 && found.some(({ pid, startedAtTicks }) => isAlive(pid, startedAtTicks)); poll += 1) pause(5);
  }
}

/** Holds this whole process up: killing is done when it returns, also in a handler that must not wait. */
function pause(durationMs: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, durationMs);
}

/** From the signal until clients know of the end of the last thread, on `performance.now()`: until then a killed process holds connections, and takes new ones. */
export interface Dying {
  readonly fromMs: number;
  readonly toMs: number;
}

/** Kills the processes and resolves when they have ended whole. Each of them must live. */
export async function kill(pids: readonly number[]): Promise<Dying> {
  const victims = pids.map((pid) => ({ pid, startedAtTicks: readProcess(pid)?.startedAtTicks ?? 0 }));
  const fromMs = performance.now();
  for (const pid of pids) if (!sendSignal(pid, "SIGKILL")) throw new Error(`there is no process ${pid} to kill`);
  while (victims.some(({ pid, startedAtTicks }) => isAlive(pid, startedAtTicks))) await sleep(2);
  // Visitors live in this process: one turn, however late, and they have been told of every connection that ended with it.
  for (let turns = 0; turns < 2; turns += 1) await turn();
  return { fromMs, toMs: performance.now() };
}

export function countDescriptors(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}

/** A process may end between two looks. */
function readOrEmpty(read: () => string): string {
  try {
    return read();
  } catch (cause) {
    if (["ENOENT", "ESRCH", "EACCES", "EPERM"].includes((cause as NodeJS.ErrnoException).code ?? "")) return "";
    throw cause;
  }
}
