import type { Clock } from "../ports/clock.ts";
import type { Inherited } from "../ports/inherited.ts";
import type { Log } from "../ports/log.ts";
import { backoffMs, backoffResetMs, pauseBeforeStart } from "./backoff.ts";
import { holderArgv, keeperPaths, type Program } from "./command.ts";
import type { Listener } from "./listeners.ts";
import { inheritedLink, startOtherHalf } from "./pair.ts";

export interface HolderWatch {
  /** Tells the holder to end, and resolves when it is gone. */
  end(): Promise<void>;
}

/** Sees to it that there is a holder: the one that started this keeper, or one of its own, started again whenever it ends. */
export function keepHolder(
  options: {
    readonly dataFolder: string;
    readonly program: Program;
    readonly inherited: Pick<Inherited, "pairFd">;
    readonly clock: Clock;
    readonly log: Log;
  },
  listeners: readonly Listener[],
): HolderWatch {
  const { dataFolder, program, inherited, clock, log } = options;
  const argv = holderArgv(program, dataFolder);
  const sockets = Object.fromEntries(listeners.map(({ name, fd }) => [name, fd]));
  const start = () => startOtherHalf({ name: "holder", argv, sockets, logFolder: keeperPaths(dataFolder).logs, log });
  const ending = new AbortController();
  let link = inherited.pairFd === null ? start() : inheritedLink(inherited.pairFd);
  const watch = async () => {
    for (let endsInARow = 0; ; ) {
      const startedMs = clock.monotonicMs();
      await link.ended;
      if (clock.monotonicMs() - startedMs >= backoffResetMs) endsInARow = 0;
      endsInARow += 1;
      await pauseBeforeStart(backoffMs(endsInARow), clock, ending.signal);
      if (ending.signal.aborted) return;
      log.warn("the holder has ended and is started again", { endsInARow });
      link = start();
    }
  };
  const watched = watch();
  return {
    end: async () => {
      ending.abort();
      link.sayGoodbye();
      await watched;
    },
  };
}
