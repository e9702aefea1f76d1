import { exposedStage } from "../rollout/decide.ts";
import { desiredWeight } from "../rollout/desired.ts";
import type { Rollout } from "../rollout/rollout.ts";
import type { CounterSource } from "../rollout/source.ts";
import type { EvidenceBook } from "./evidence-book.ts";
import type { World } from "./world.ts";

/**
 * Asks the sources of every rollout that has a canary beside stable, each in its own period and never twice at once. Nothing waits for an
 * answer: it is told when it is there.
 */
export class SourcePoller {
  readonly #world: Pick<World, "clock" | "readSource">;
  readonly #evidence: Pick<EvidenceBook, "absorbReading">;
  readonly #react: () => void;
  readonly #stop = new AbortController();
  readonly #asking = new Set<string>();
  #askedAtMs = new Map<string, number>();

  constructor(world: Pick<World, "clock" | "readSource">, evidence: Pick<EvidenceBook, "absorbReading">, react: () => void) {
    this.#world = world;
    this.#evidence = evidence;
    this.#react = react;
  }

  ask(rollouts: readonly Rollout[]): void {
    const nowMs = this.#world.clock.monotonicMs();
    const due = new Map<string, number>();
    for (const rollout of rollouts) {
      const { id, plan, candidate, stable } = rollout;
      if (candidate === null || stable === null || exposedStage(rollout) === null || desiredWeight(rollout) === 0) continue;
      for (const source of plan.sources ?? []) {
        const key = `${id}/${source.name}`;
        const askedAtMs = this.#askedAtMs.get(key) ?? Number.NEGATIVE_INFINITY;
        const isDue = nowMs - askedAtMs >= source.everyMs && !this.#asking.has(key);
        due.set(key, isDue ? nowMs : askedAtMs);
        if (isDue) void this.#ask(key, source, { ...rollout, candidate, stable }, nowMs);
      }
    }
    this.#askedAtMs = due;
  }

  /** What is being asked is given up, and is told to nobody. */
  close(): void {
    this.#stop.abort();
  }

  async #ask(
    key: string,
    source: CounterSource,
    { id, service, environment, candidate, stable }: Rollout & { candidate: string; stable: string },
    askedAtMs: number,
  ): Promise<void> {
    this.#asking.add(key);
    const { signal } = this.#stop;
    const reading = await this.#world
      .readSource({ source, service, environment, canary: candidate, stable, signal })
      .finally(() => this.#asking.delete(key));
    if (signal.aborted) return;
    this.#evidence.absorbReading(id, source.name, { reading, askedAtMs });
    this.#react();
  }
}
