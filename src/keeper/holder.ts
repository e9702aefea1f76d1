import type { Clock } from "../ports/clock.ts";
import type { Inherited } from "../ports/inherited.ts";
import type { Log } from "../ports/log.ts";
import { isAlive } from "../ports/processes.ts";
import { backoffMs, backoffResetMs } from "./backoff.ts";
import { keeperPaths } from "./command.ts";
import { askWhoKeeps } from "./keeper-client.ts";
import { inheritedLink, startOtherHalf } from "./pair.ts";
import { type KeeperCommand, readCommand } from "./state-files.ts";

const answerTimeoutMs = 2_000;
const lastBreathMs = 200;

export interface HolderOptions {
  readonly dataFolder: string;
  readonly inherited: Pick<Inherited, "sockets" | "pairFd">;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * The second half of the keeper. It holds the same listening descriptors, does nothing with them, and starts a keeper when there is
 * none: without it nobody could bind again while a worker listens. Resolves when the keeper ends on purpose.
 */
export async function runHolder(options: HolderOptions): Promise<void> {
  const { inherited, clock, log } = options;
  let link = inherited.pairFd === null ? undefined : inheritedLink(inherited.pairFd);
  for (let endsInARow = 0; ; ) {
    const startedMs = clock.monotonicMs();
    if (link !== undefined && (await link.ended).isOnPurpose) return;
    if (clock.monotonicMs() - startedMs >= backoffResetMs) endsInARow = 0;
    endsInARow += 1;
    await clock.sleep(backoffMs(endsInARow));
    const command = readCommandOrWait(options);
    if (command !== undefined && (await isKept(command, options))) {
      // It has a holder of its own already, or starts one: two pairs must not hold one set of sockets.
      log.warn("another keeper answers; this holder is not needed");
      return;
    }
    log.warn("the keeper has ended and is started again", { endsInARow });
    const logFolder = keeperPaths(options.dataFolder).logs;
    link = command && startOtherHalf({ name: "keeper", argv: command.argv, sockets: inherited.sockets, logFolder, log });
  }
}

/** Read anew each time: an upgrade replaces the keeper by writing another command there. Undefined, and tried again, on a failing disk. */
function readCommandOrWait({ dataFolder, log }: HolderOptions): KeeperCommand | undefined {
  try {
    return readCommand(keeperPaths(dataFolder).command);
  } catch (cause) {
    log.error("the keeper's command cannot be read", { cause: String(cause) });
    return undefined;
  }
}

/**
 * The socket alone cannot tell: the kernel takes connections to it for as long as this process holds it. So it is asked only when
 * the keeper that was noted last still lives a moment after its pipe has ended.
 */
async function isKept({ pid, startedAtTicks }: KeeperCommand, { dataFolder, clock }: HolderOptions): Promise<boolean> {
  for (let waitedMs = 0; waitedMs < lastBreathMs; waitedMs += 20) {
    if (!isAlive(pid, startedAtTicks)) return false;
    await clock.sleep(20);
  }
  return (await askWhoKeeps(keeperPaths(dataFolder).socket, { clock, timeoutMs: answerTimeoutMs })) !== undefined;
}
