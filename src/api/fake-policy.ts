import type { ControlPlane } from "../control/control-plane.ts";
import type { Judgement } from "../rollout/judgement.ts";
import type { PinnedPolicy } from "../rollout/pinned-policy.ts";
import type { Actor } from "../rollout/rollout.ts";

interface Told {
  readonly asked: { push(call: { readonly method: string; readonly request: unknown; readonly actor: Actor }): void };
  pinned(): readonly PinnedPolicy[];
}

/** Of a fake control plane what is about rules. */
export function fakePolicy({
  asked,
  pinned,
}: Told): Pick<ControlPlane, "plan" | "policies" | "pinPolicy" | "clearPolicy" | "rules"> {
  return {
    plan: async (request, actor) => {
      asked.push({ method: "plan", request, actor });
      return {
        service: "shop",
        environment: request.environment,
        forecast: "",
        after: null,
        judgement: aJudgement({ consequences: ["the first step is held longer"] }),
      };
    },
    policies: pinned,
    pinPolicy: (request, actor) => {
      asked.push({ method: "pinPolicy", request, actor });
      return { ...request, by: actor.name, at: "2026-01-01T00:00:00Z" };
    },
    clearPolicy: (request, actor) => void asked.push({ method: "clearPolicy", request, actor }),
    rules: async (place) => ({
      ...place,
      release: "r-1a2b",
      rules: [{ field: "rollout.harm", value: "0.2%", from: "belay.yml of r-1a2b" }],
    }),
  };
}

export function aJudgement(changes: Partial<Judgement> = {}): Judgement {
  return { loosenings: [], risk: null, consequences: [], brief: null, authors: [], ...changes };
}
