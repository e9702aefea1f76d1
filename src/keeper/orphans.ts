import type { Clock } from "../ports/clock.ts";
import type { Log } from "../ports/log.ts";
import { bootId, isAlive, processTree, sendSignal } from "../ports/processes.ts";
import { readDesired, readRunning } from "./state-files.ts";

const graceMsMost = 5_000;
const pollMs = 20;

/**
 * Stops what earlier keepers started and what holds listening sockets of theirs, so that those can be bound again. The rest runs on
 * and is adopted. Resolves when they have ended; they get their grace, at most 5 s of it.
 */
export async function stopOrphans(options: {
  readonly running: string;
  readonly desired: string;
  readonly clock: Clock;
  readonly log: Log;
}): Promise<void> {
  const { clock, log } = options;
  const state = readRunning(options.running);
  if (state.bootId !== bootId()) return;
  const holders = new Set(readDesired(options.desired).flatMap(({ name, sockets }) => (sockets.length > 0 ? [name] : [])));
  const orphans = state.processes.flatMap(({ name, pid, startedAtTicks, graceMs, isRetiring }) =>
    pid !== null && (isRetiring || holders.has(name)) && isAlive(pid, startedAtTicks)
      ? [{ name, pid, startedAtTicks, graceMs }]
      : [],
  );
  const startMs = clock.monotonicMs();
  for (const { name, pid } of orphans) {
    log.warn("stopping what an earlier keeper left with its sockets", { name, pid });
    sendSignal(pid, "SIGTERM");
  }
  for (let left = orphans; left.length > 0; left = left.filter(({ pid, startedAtTicks }) => isAlive(pid, startedAtTicks))) {
    const waitedMs = clock.monotonicMs() - startMs;
    for (const orphan of left) {
      if (waitedMs >= Math.min(orphan.graceMs, graceMsMost)) for (const pid of processTree(orphan)) sendSignal(pid, "SIGKILL");
    }
    await clock.sleep(pollMs);
  }
}
