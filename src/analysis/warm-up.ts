import type { Plan } from "../rollout/rollout.ts";

/** A canary whose instances start again and again is not to hide its bad times: later starts leave nothing out. */
const coldTimesMax = 4;

/**
 * Times in which instances were new, from the first exposure on: caches are cold then, on whichever side, so that answers are not
 * timed and visitors are not scored, on both sides alike. Known before anybody's outcome; errors count always.
 */
export class WarmUp {
  readonly #latencyMs: number;
  readonly #gateMs: number;
  readonly #beganAtMs: number[];

  constructor(plan: Pick<Plan, "steps" | "warmUpMs">, beganAtMs: readonly number[] = []) {
    this.#latencyMs = plan.warmUpMs ?? 0;
    this.#gateMs = gateWarmUpMs(plan);
    this.#beganAtMs = [...beganAtMs];
  }

  /** Instances are new from now on. */
  begins(atMs: number): void {
    if (this.#beganAtMs.length < coldTimesMax) this.#beganAtMs.push(atMs);
  }

  /** False also before the first exposure. */
  isTimed(atMs: number): boolean {
    const [first] = this.#beganAtMs;
    return first !== undefined && atMs >= first && !this.#isWithin(atMs, this.#latencyMs);
  }

  /** Of a visitor by its exposure. */
  isScored(exposedAtMs: number): boolean {
    return !this.#isWithin(exposedAtMs, this.#gateMs);
  }

  state(): readonly number[] {
    return [...this.#beganAtMs];
  }

  #isWithin(atMs: number, lengthMs: number): boolean {
    return this.#beganAtMs.some((beganAtMs) => atMs >= beganAtMs && atMs < beganAtMs + lengthMs);
  }
}

/** For gates at most the first minimum hold: no step ends before it, so that a plan that is meant to be quick stays so. */
export function gateWarmUpMs({ steps, warmUpMs = 0 }: Pick<Plan, "steps" | "warmUpMs">): number {
  return Math.min(warmUpMs, steps.find(({ weight }) => weight > 0)?.minHoldMs ?? 0);
}
