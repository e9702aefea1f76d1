/**
 * The documented rules of other tools, each with the parameters of its documentation or its code's defaults, on the same
 * streams of visitors. Only what decides is here; how they move traffic is taken as perfect.
 */
import type { Ending, Steering } from "../../src/rehearsal/play.ts";
import { Kayenta } from "./kayenta.ts";
import { PolledRule, promoted, quantile, rolledBack, successShare } from "./windows.ts";

/**
 * Flagger: at each tick, first "failed checks at the threshold: roll back", then the checks (success share and p99 of the
 * canary alone; no data fails), then, when they pass, five per cent more. Failed checks add up over the whole run.
 */
export class Flagger extends PolledRule {
  readonly #tickMs: number;
  readonly #failuresMax: number;
  #failures = 0;
  #nextMs: number;

  constructor(options: { readonly tickMs: number; readonly failuresMax: number }) {
    super(500);
    this.#tickMs = options.tickMs;
    this.#failuresMax = options.failuresMax;
    this.#nextMs = options.tickMs;
  }

  tick({ nowMs }: { readonly nowMs: number }): Ending | null {
    if (nowMs < this.#nextMs) return null;
    this.#nextMs += this.#tickMs;
    const { canary } = this.takeWindow();
    if (this.#failures >= this.#failuresMax) return rolledBack("failed checks reached the threshold");
    const isHealthy = canary.requests > 0 && successShare(canary) >= 0.99 && quantile(canary.tookMs, 0.99) <= 500;
    if (!isHealthy) this.#failures += 1;
    else if (this.weight >= 5_000) return promoted("the largest weight passed");
    else this.serve(this.weight + 500);
    return null;
  }
}

interface ArgoOptions {
  /** Ten-thousandths and how long they are held. */
  readonly steps: readonly (readonly [weight: number, holdMs: number])[];
  readonly analysisFromMs: number;
  readonly intervalMs: number;
  /** More failed measurements than this abort. */
  readonly failuresMax: number;
  readonly successMin: number;
  /** Whether its query looks at the canary alone. */
  readonly seesCanary: boolean;
}

/** Argo Rollouts: steps by time, and a background analysis that measures the window of each interval. Without data a measurement is inconclusive here, never a failure. */
export class Argo extends PolledRule {
  readonly #options: ArgoOptions;
  #step = 0;
  #stepEndsMs: number;
  #nextMs: number;
  #failures = 0;

  constructor(options: ArgoOptions) {
    super(options.steps[0]?.[0] ?? 0);
    this.#options = options;
    this.#stepEndsMs = options.steps[0]?.[1] ?? 0;
    this.#nextMs = options.analysisFromMs;
  }

  tick({ nowMs }: { readonly nowMs: number }): Ending | null {
    const { steps, intervalMs, failuresMax, successMin, seesCanary } = this.#options;
    if (nowMs >= this.#nextMs) {
      this.#nextMs += intervalMs;
      const { canary, stable } = this.takeWindow();
      const seen = seesCanary
        ? canary
        : { requests: canary.requests + stable.requests, failed: canary.failed + stable.failed, tookMs: [] };
      if (successShare(seen) < successMin) this.#failures += 1;
      if (this.#failures > failuresMax) return rolledBack("more failed measurements than the limit");
    }
    if (nowMs < this.#stepEndsMs) return null;
    this.#step += 1;
    const next = steps[this.#step];
    if (next === undefined) return promoted("the last step was over");
    this.serve(next[0]);
    this.#stepEndsMs += next[1];
    return null;
  }
}

/** CodeDeploy, Canary10Percent5Minutes, with an alarm on the canary's failures over one period of a minute: the kindest reading. */
export class CodeDeploy extends PolledRule {
  #nextMs = 60_000;

  constructor() {
    super(1_000);
  }

  tick({ nowMs }: { readonly nowMs: number }): Ending | null {
    if (nowMs < this.#nextMs) return null;
    this.#nextMs += 60_000;
    const { canary } = this.takeWindow();
    if (successShare(canary) < 0.99) return rolledBack("the alarm went off");
    return nowMs >= 300_000 ? promoted("five minutes were over") : null;
  }
}

/** Kamal: everyone at once when the health check answers. A person sees a failing share of 5% after ten minutes (our figure), less never. */
export class Kamal extends PolledRule {
  constructor() {
    super(10_000);
  }

  tick({ nowMs }: { readonly nowMs: number }): Ending | null {
    if (nowMs < 600_000) return null;
    return successShare(this.takeWindow().canary) < 0.95 ? rolledBack("a person went back") : promoted("nobody noticed anything");
  }
}

export const peers: Readonly<Record<string, () => Steering>> = {
  "Flagger, code defaults": () => new Flagger({ tickMs: 60_000, failuresMax: 1 }),
  "Flagger, docs sample": () => new Flagger({ tickMs: 60_000, failuresMax: 10 }),
  "Flagger, fastest tick": () => new Flagger({ tickMs: 10_000, failuresMax: 1 }),
  "Argo Rollouts, docs": () =>
    new Argo({
      steps: [
        [2_000, 600_000],
        [4_000, 600_000],
        [6_000, 600_000],
        [8_000, 600_000],
      ],
      analysisFromMs: 600_000,
      intervalMs: 300_000,
      failuresMax: 3,
      successMin: 0.95,
      seesCanary: false,
    }),
  "Argo Rollouts, tight": () =>
    new Argo({
      steps: [
        [500, 300_000],
        [2_500, 300_000],
        [5_000, 300_000],
      ],
      analysisFromMs: 60_000,
      intervalMs: 30_000,
      failuresMax: 0,
      successMin: 0.99,
      seesCanary: true,
    }),
  "Kayenta, each 10 min": () => new Kayenta({ everyMs: 600_000, lifetimeMs: 3_600_000 }),
  "Kayenta, after 60 min": () => new Kayenta({ everyMs: 3_600_000, lifetimeMs: 3_600_000 }),
  "CodeDeploy alarm": () => new CodeDeploy(),
  Kamal: () => new Kamal(),
};
