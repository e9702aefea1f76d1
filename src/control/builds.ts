import { BelayError } from "../errors.ts";
import type { CheckResult } from "../rollout/check-result.ts";
import type { RolloutFact } from "../rollout/entry.ts";
import type { Rollout } from "../rollout/rollout.ts";
import type { BuildOrder, World } from "./world.ts";

/** What there is of a rollout's release before it is built. */
type Known = Pick<BuildOrder, "staged" | "revision">;

/** The builds that run now, one for each rollout that has no release yet. After a crash a build starts anew. */
export class Builds {
  #build: World["build"];
  #log: World["log"];
  #onEnd: () => void;
  #running = new Map<string, AbortController>();
  #results = new Map<string, readonly RolloutFact[]>();
  #words = new Map<string, string>();

  constructor({ build, log, onEnd }: Pick<World, "build" | "log"> & { readonly onEnd: () => void }) {
    this.#build = build;
    this.#log = log;
    this.#onEnd = onEnd;
  }

  /** What a build that runs is at, in words; empty when none runs or it has not said. */
  doing(rollout: string): string {
    return this.#words.get(rollout) ?? "";
  }

  /** The facts that the build ended with, or null while it runs. Starts it at the first call. */
  resultOf(rollout: Rollout, known: Known): readonly RolloutFact[] | null {
    const result = this.#results.get(rollout.id);
    if (result !== undefined) return result;
    if (!this.#running.has(rollout.id)) this.#start(rollout, known);
    return null;
  }

  /** Stops what nobody waits for any more. */
  keepOnly(wanted: ReadonlySet<string>): void {
    for (const [rollout, abort] of this.#running) if (!wanted.has(rollout)) abort.abort();
    for (const rollout of this.#results.keys()) if (!wanted.has(rollout)) this.#results.delete(rollout);
  }

  #start(rollout: Rollout, known: Known): void {
    const abort = new AbortController();
    this.#running.set(rollout.id, abort);
    void this.#run(rollout, known, abort.signal).finally(() => {
      this.#running.delete(rollout.id);
      this.#words.delete(rollout.id);
      this.#onEnd();
    });
  }

  async #run(rollout: Rollout, known: Known, signal: AbortSignal): Promise<void> {
    const before: RolloutFact[] = [];
    const tell = {
      doing: (words: string) => void this.#words.set(rollout.id, words),
      checked: (checks: readonly CheckResult[]) => void before.push({ kind: "preflight-ended", checks }),
    };
    try {
      const release = await this.#build({ rollout, ...known, signal, tell });
      this.#results.set(rollout.id, [...before, { kind: "release-built", release }]);
    } catch (cause) {
      if (signal.aborted) return;
      const { code, message, next } = cause instanceof BelayError ? cause : this.#toError(rollout, cause);
      this.#results.set(rollout.id, [...before, { kind: "rollout-refused", code, reason: message, next }]);
    }
  }

  /** A bug, which elsewhere crashes the process. Here the next start would build the same again, and crash again, for ever. */
  #toError({ id, commit }: Rollout, cause: unknown): BelayError {
    this.#log.error("a build failed in a way that Belay does not know", { rollout: id, cause: stackOf(cause) });
    return new BelayError({
      code: "BELAY_RELEASE_BUILD_BUG",
      message: `Belay itself failed while it built commit ${commit.slice(0, 12)}: ${String(cause)}`,
      next: "Report it with what `logs/control.log` in the data folder says.",
      cause,
    });
  }
}

function stackOf(cause: unknown): string {
  return cause instanceof Error ? (cause.stack ?? cause.message) : String(cause);
}
