import { BelayError } from "../errors.ts";
import { describeBlocking, describeResults } from "../preflight/describe.ts";
import type { Fact, RolloutFact } from "../rollout/entry.ts";
import type { Rollout } from "../rollout/rollout.ts";
import type { Service } from "../rollout/service.ts";
import type { RunningChecked, World } from "./world.ts";

interface Work {
  readonly abort: AbortController;
  /** Null while they run. */
  result: readonly RolloutFact[] | null;
  words: string;
}

/**
 * What is asked of a candidate in an environment that comes before another, when all of its instances are ready: until it has
 * passed it is not promoted there, so that it earns no attestation and the next environment waits. After a crash it is asked anew.
 */
export class StagingChecks {
  #world: Pick<World, "checkRunning" | "log">;
  #onEnd: () => void;
  #work = new Map<string, Work>();

  constructor({ world, onEnd }: { readonly world: Pick<World, "checkRunning" | "log">; readonly onEnd: () => void }) {
    this.#world = world;
    this.#onEnd = onEnd;
  }

  /** What the checks of a rollout are at, in words; empty when none run. */
  doing(rollout: string): string {
    return this.#work.get(rollout)?.words ?? "";
  }

  /** What is to be recorded where `fact` is what is true next: the candidate that is ready is asked first. */
  factsFor(fact: Fact, service: Service, rollout: Rollout): readonly Fact[] {
    if (fact.kind !== "candidate-ready" || rollout.attests !== true) return [fact];
    const work = this.#work.get(rollout.id) ?? this.#start(service, rollout);
    if (work?.result == null) return [];
    return work.result.some(({ kind }) => kind === "rollout-refused") ? work.result : [...work.result, fact];
  }

  /** Stops what nobody waits for any more. */
  keepOnly(rollouts: readonly Rollout[]): void {
    const wanted = new Set(rollouts.map(({ id }) => id));
    for (const [id, { abort }] of this.#work) {
      if (wanted.has(id)) continue;
      abort.abort();
      this.#work.delete(id);
    }
  }

  #start(service: Service, rollout: Rollout): Work | null {
    const release = rollout.candidate === null ? undefined : service.releases[rollout.candidate];
    const instance = Object.values(service.instances).find((each) => each.release === release?.id && each.isReady);
    if (release === undefined || instance === undefined) return null;
    const work: Work = { abort: new AbortController(), result: null, words: "" };
    this.#work.set(rollout.id, work);
    const { signal } = work.abort;
    const doing = (words: string) => {
      work.words = words;
    };
    void this.#world
      .checkRunning({ rollout, release, instance, signal, doing })
      .then(
        (checked) => toFacts(release.id, checked),
        (cause: unknown) => (signal.aborted ? [] : [this.#refusal(rollout, cause)]),
      )
      .then((facts) => {
        work.result = facts;
        work.words = "";
        this.#onEnd();
      });
    return work;
  }

  /** A bug of a check refuses the rollout too: with the next start it would be the same again. */
  #refusal({ id }: Rollout, cause: unknown): RolloutFact {
    if (!(cause instanceof BelayError))
      this.#world.log.error("the checks of a running release failed in a way that Belay does not know", {
        rollout: id,
        cause: String(cause),
      });
    const { code, message, next } = cause instanceof BelayError ? cause : bug(cause);
    return { kind: "rollout-refused", code, reason: message, next };
  }
}

function toFacts(release: string, { results, stopping }: RunningChecked): readonly RolloutFact[] {
  if (results.length === 0) return [];
  const seen = { kind: "staging-checked", release, checks: results } as const;
  if (stopping.length === 0) return [seen];
  const { code, message, next } = new BelayError({
    code: "BELAY_STAGING_CHECKS_FAILED",
    message: `${describeBlocking(stopping)} on the release while it ran\n${describeResults(stopping, (text) => text)}`,
    next: "Do what is written below each finding, commit, and deploy again. What is accepted for a while goes into checks.waivers.",
  });
  return [seen, { kind: "rollout-refused", code, reason: message, next }];
}

function bug(cause: unknown): BelayError {
  return new BelayError({
    code: "BELAY_STAGING_CHECKS_BUG",
    message: `Belay itself failed while it checked the running release: ${String(cause)}`,
    next: "Report it with what `logs/control.log` in the data folder says.",
    cause,
  });
}
