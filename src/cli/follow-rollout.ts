import type { RolloutView } from "../api/views.ts";
import type { Clock } from "../ports/clock.ts";
import { type Client, isPassing } from "./client.ts";

const pollMs = 250;
/** The control plane may be killed and come back meanwhile; it has this long. */
const patienceMs = 60_000;

export interface FollowOptions {
  readonly client: Pick<Client, "rollout">;
  readonly rollout: string;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Gets every look. */
  readonly onLook: (view: RolloutView) => void;
  /** Called once for each time that the control plane goes away. */
  readonly onAway: () => void;
}

/**
 * Looks at a rollout until it has ended or is held for a person, and returns the last look. Survives a control plane that is
 * away for up to a minute. Rejects with the signal's reason when it is interrupted; the rollout goes on without a spectator.
 */
export async function followRollout({ client, rollout, clock, signal, onLook, onAway }: FollowOptions): Promise<RolloutView> {
  let awaySinceMs: number | undefined;
  for (;;) {
    signal.throwIfAborted();
    try {
      const view = await client.rollout(rollout);
      awaySinceMs = undefined;
      onLook(view);
      if (view.outcome !== null) return view;
    } catch (error) {
      if (!isPassing(error)) throw error;
      if (awaySinceMs === undefined) onAway();
      awaySinceMs ??= clock.monotonicMs();
      if (clock.monotonicMs() - awaySinceMs > patienceMs) throw error;
    }
    await clock.sleep(pollMs, signal);
  }
}
