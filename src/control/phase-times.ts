import type { Rollout, RolloutId } from "../rollout/rollout.ts";

/** How long each rollout has been in its present phase, as far as this process knows. */
export class PhaseTimes {
  #since: ReadonlyMap<RolloutId, { readonly phase: string; readonly sinceMs: number }> = new Map();

  /** Looks at the last rollout of each service. */
  note(rollouts: readonly Rollout[], nowMs: number): void {
    this.#since = new Map(
      rollouts.map(({ id, phase: { name } }) => {
        const before = this.#since.get(id);
        return [id, before?.phase === name ? before : { phase: name, sinceMs: nowMs }];
      }),
    );
  }

  forMs({ id }: Rollout, nowMs: number): number {
    const since = this.#since.get(id);
    return since === undefined ? 0 : nowMs - since.sinceMs;
  }
}
