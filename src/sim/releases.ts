import type { TaskStory } from "./sim-tasks.ts";
import type { Visitor } from "./visitors.ts";

/** How a simulated release behaves. Shares are of visitors, so that errors cluster in visitors as they do in life. */
export type Behaviour =
  | { readonly kind: "good" }
  /** Answers 500 to everything. */
  | { readonly kind: "dead" }
  /** Fails every request of this share of its visitors. */
  | { readonly kind: "fails"; readonly share: number }
  /** Fails every page but the first for this share of its visitors. */
  | { readonly kind: "fails-deeper"; readonly share: number }
  /** Good until it has baked for so long, then fails for this share of its visitors. */
  | { readonly kind: "turns-bad"; readonly afterMs: number; readonly share: number }
  | { readonly kind: "slow"; readonly delayMs: number }
  /** Takes ten seconds for what would have taken longer than this. */
  | { readonly kind: "heavy-tail"; readonly aboveMs: number }
  /** Never answers a health check. */
  | { readonly kind: "never-ready" }
  /** Becomes ready, and ends by itself after so long, again and again. */
  | { readonly kind: "crash-loops"; readonly everyMs: number }
  | { readonly kind: "breaks-build" };

/** A release of the story: how it behaves, starts and ends. */
export interface ReleaseStory {
  readonly behaviour: Behaviour;
  readonly bootMs: number;
  /** On SIGTERM it leaves at once what it works on, as a program without a handler does. */
  readonly leavesAtOnce: boolean;
  /** What its task does; absent for a release without one. */
  readonly task?: TaskStory;
  /** It has a worker beside its instances. */
  readonly hasWorker?: boolean;
  /** Its answers have a field that those of the release before have not. */
  readonly answersOtherwise?: boolean;
}

export interface AskedPage {
  readonly visitor: Visitor;
  /** 0 is the landing page. */
  readonly page: number;
  /** How long a good answer takes. */
  readonly serviceMs: number;
}

export interface Circumstances {
  /** How long the release has been baking; null before. */
  readonly bakedForMs: number | null;
  /** Share of visitors that fail on every release, because something that they share is down. */
  readonly outageShare: number;
}

export interface Answer {
  readonly status: number;
  readonly afterMs: number;
}

export function answerOf(behaviour: Behaviour, asked: AskedPage, { bakedForMs, outageShare }: Circumstances): Answer {
  const good: Answer = { status: 200, afterMs: asked.serviceMs };
  const bad: Answer = { status: 500, afterMs: Math.min(5, asked.serviceMs) };
  const { luck, outageLuck } = asked.visitor;
  if (outageLuck < outageShare) return { status: 503, afterMs: asked.serviceMs };
  switch (behaviour.kind) {
    case "dead":
      return bad;
    case "fails":
      return luck < behaviour.share ? bad : good;
    case "fails-deeper":
      return asked.page > 0 && luck < behaviour.share ? bad : good;
    case "turns-bad":
      return bakedForMs !== null && bakedForMs >= behaviour.afterMs && luck < behaviour.share ? bad : good;
    case "heavy-tail":
      return asked.serviceMs > behaviour.aboveMs ? { status: 200, afterMs: 10_000 } : good;
    case "slow":
      return { status: 200, afterMs: asked.serviceMs + behaviour.delayMs };
    default:
      return good;
  }
}
