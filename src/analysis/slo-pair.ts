import type { Arm, UnitRecord } from "../routing/wire.ts";
import { logChoose } from "./choose.ts";
import { SloTest, type SloTestState } from "./slo-test.ts";

/** Of outages that both sides share, at most this part is blamed on the canary by a comparison that looks again at each failure. */
const blamedMax = 0.05;
const canaryFailuresMax = 6;

interface Seen {
  readonly served: number;
  readonly failed: number;
}

export interface SloPairState {
  readonly canary: SloTestState;
  readonly stable: SloTestState;
  /** Both sides since something speaks against the canary. Absent, as the next, in what older programs kept. */
  readonly since?: Readonly<Record<Arm, Seen>> | undefined;
  readonly requestsPerVisit?: number | undefined;
  /** The canary fired, and stable is being asked whether it fails too. */
  readonly suspicion: { readonly canaryFailures: number } | null;
  readonly isCanaryToBlame: boolean;
}

const nobody: Readonly<Record<Arm, Seen>> = { canary: { served: 0, failed: 0 }, stable: { served: 0, failed: 0 } };

/**
 * The objective on both sides. When something that both share breaks, which side fires first is a toss of the coin at 50 %, and
 * mostly the canary in the bake. So a canary that fires is suspected, and blamed only when stable fails less in the same time,
 * by more than chance gives 1 time in 20 if both fail alike. Where stable sees hardly anybody and none of them fails, six
 * more failing visitors of the canary's are enough.
 */
export class SloPair {
  readonly #tests: Readonly<Record<Arm, SloTest>>;
  #since: Readonly<Record<Arm, Seen>> = nobody;
  #requestsPerVisit = 1;
  #suspicion: SloPairState["suspicion"] = null;
  #isCanaryToBlame = false;

  constructor(tests: Readonly<Record<Arm, SloTest>>) {
    this.#tests = tests;
  }

  /** `availability` is the objective as a share of requests, and of visitors while each makes one. */
  static begin(availability: number): SloPair {
    return new SloPair({ canary: new SloTest(availability), stable: new SloTest(availability) });
  }

  static restore(options: { readonly state: SloPairState; readonly availability: number }): SloPair {
    const { state, availability } = options;
    const pair = new SloPair({
      canary: SloTest.restore(state.canary, availability),
      stable: SloTest.restore(state.stable, availability),
    });
    pair.allow(state.requestsPerVisit ?? 1);
    pair.#since = state.since ?? nobody;
    pair.#suspicion = state.suspicion === null ? null : { canaryFailures: state.suspicion.canaryFailures };
    pair.#isCanaryToBlame = state.isCanaryToBlame;
    return pair;
  }

  /** From now on visitors make so many requests a minute in the mean, as stable's did until now. */
  allow(requestsPerVisit: number): void {
    if (requestsPerVisit === this.#requestsPerVisit) return;
    this.#requestsPerVisit = requestsPerVisit;
    this.#tests.canary.allow(requestsPerVisit);
    this.#tests.stable.allow(requestsPerVisit);
  }

  served({ arm }: UnitRecord): void {
    this.#tests[arm].served();
    this.#count(arm, { served: 1, failed: 0 });
    // Nothing speaks against the canary: a comparison that is needed later begins then.
    const { canary } = this.#tests;
    if (arm === "canary" && !canary.isBurning && (this.#suspicion !== null || canary.logE <= 0)) this.#clear();
    else if (arm === "stable") this.#judge();
  }

  /** A visitor's first error. */
  failed({ arm, weight }: UnitRecord): void {
    const fires = this.#tests[arm].failed();
    this.#count(arm, { served: 0, failed: 1 });
    // Where everybody is on the canary there is no stable to ask, and none that could be shown to be well again.
    const isAlone = weight >= 10_000;
    if (this.#tests.stable.isBurning && !isAlone) {
      this.#clear();
      return;
    }
    if (arm === "stable") return;
    if (isAlone && fires) this.#isCanaryToBlame = true;
    if (this.#suspicion !== null) this.#suspicion = { canaryFailures: this.#suspicion.canaryFailures + 1 };
    else if (fires) this.#suspicion = { canaryFailures: 0 };
    this.#judge();
  }

  /** Ends an epoch: a minute, or a weight. */
  invest(): void {
    this.#tests.canary.invest();
    this.#tests.stable.invest();
  }

  /** Latched. */
  get isCanaryToBlame(): boolean {
    return this.#isCanaryToBlame;
  }

  /** Both sides fired, and neither has been shown to be well again; or the canary did, and stable fails too, as far as it has been heard. */
  get isSharedOutage(): boolean {
    const isStableSuspected = this.#suspicion !== null && this.#since.stable.failed > 0;
    return this.#tests.canary.isBurning && (this.#tests.stable.isBurning || isStableSuspected);
  }

  /** The highest evidence against the canary so far, as a logarithm. */
  get peakLogE(): number {
    return this.#tests.canary.peakLogE;
  }

  state(): SloPairState {
    return {
      canary: this.#tests.canary.state(),
      stable: this.#tests.stable.state(),
      since: this.#since,
      requestsPerVisit: this.#requestsPerVisit,
      suspicion: this.#suspicion,
      isCanaryToBlame: this.#isCanaryToBlame,
    };
  }

  #count(arm: Arm, { served, failed }: Seen): void {
    const before = this.#since[arm];
    this.#since = { ...this.#since, [arm]: { served: before.served + served, failed: before.failed + failed } };
  }

  #clear(): void {
    this.#suspicion = null;
    this.#since = nobody;
  }

  #judge(): void {
    if (this.#suspicion === null || this.#isCanaryToBlame) return;
    const { canary, stable } = this.#since;
    const isUnheard = stable.failed === 0 && this.#suspicion.canaryFailures >= canaryFailuresMax;
    const failures = canary.failed + stable.failed;
    if (failures === 0) return;
    if (isUnheard || !isByChance(this.#since, blamedMax / (failures * (failures + 1)))) this.#isCanaryToBlame = true;
  }
}

/**
 * Whether so few failures on stable, given all failures, are likelier than `limit` if both sides fail alike (Fisher's exact test,
 * one-sided). It is asked at each record, also of sides that have failed for hours, so it ends as soon as it knows.
 */
function isByChance({ canary, stable }: Readonly<Record<Arm, Seen>>, limit: number): boolean {
  const [onCanary, onStable] = [canary.served + canary.failed, stable.served + stable.failed];
  const failures = canary.failed + stable.failed;
  const logAll = logChoose(onCanary + onStable, failures);
  let chance = 0;
  for (let failed = stable.failed; failed >= Math.max(0, failures - onCanary); failed -= 1) {
    const term = Math.exp(logChoose(onStable, failed) + logChoose(onCanary, failures - failed) - logAll);
    chance += term;
    if (chance > limit) return true;
    // Terms only fall from here on, and faster each time.
    if (term < limit * 1e-9 && failed * (onCanary + onStable) < failures * onStable) break;
  }
  return false;
}
