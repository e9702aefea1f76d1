import type { Arm, UnitRecord } from "../routing/wire.ts";
import { SloTest, type SloTestState } from "./slo-test.ts";

const stableServedMin = 2;
const canaryFailuresMax = 6;

/** The canary fired, and stable is being asked whether it fails too. */
interface Suspicion {
  readonly sinceMs: number;
  readonly canaryFailures: number;
  readonly stableServed: number;
}

export interface SloPairState {
  readonly canary: SloTestState;
  readonly stable: SloTestState;
  readonly suspicion: Suspicion | null;
  readonly isCanaryToBlame: boolean;
}

/**
 * The objective on both sides. When something that both share breaks, which side fires first is a toss of the coin at 50 %, so
 * a canary that fires is not blamed at once: stable has to give two good answers to requests that came later, or the
 * canary to fail for six more visitors while stable does not fire. In the bake stable sees so few visitors that an outage
 * of both is mostly blamed on the canary all the same; going back then costs users nothing.
 */
export class SloPair {
  readonly #tests: Readonly<Record<Arm, SloTest>>;
  #suspicion: Suspicion | null = null;
  #isCanaryToBlame = false;

  constructor(tests: Readonly<Record<Arm, SloTest>>) {
    this.#tests = tests;
  }

  /** `availability` is the objective as a share of visitors. */
  static begin(availability: number): SloPair {
    return new SloPair({ canary: new SloTest(availability), stable: new SloTest(availability) });
  }

  /** `shiftMs` is added to every time of the state. */
  static restore(options: { readonly state: SloPairState; readonly availability: number; readonly shiftMs: number }): SloPair {
    const { state, availability, shiftMs } = options;
    const pair = new SloPair({
      canary: SloTest.restore(state.canary, availability),
      stable: SloTest.restore(state.stable, availability),
    });
    pair.#suspicion = state.suspicion === null ? null : { ...state.suspicion, sinceMs: state.suspicion.sinceMs + shiftMs };
    pair.#isCanaryToBlame = state.isCanaryToBlame;
    return pair;
  }

  served(record: UnitRecord): void {
    this.#tests[record.arm].served();
    if (this.#suspicion === null) return;
    if (record.arm === "stable" && record.atMs >= this.#suspicion.sinceMs) {
      this.#suspect({ ...this.#suspicion, stableServed: this.#suspicion.stableServed + 1 });
    } else if (!this.#tests.canary.isBurning) {
      this.#suspicion = null;
    }
  }

  /** A visitor's first error. */
  failed(record: UnitRecord): void {
    const fires = this.#tests[record.arm].failed();
    // Where everybody is on the canary there is no stable to ask, and none that could be shown to be well again.
    const isAlone = record.weight >= 10_000;
    if (this.#tests.stable.isBurning && !isAlone) {
      this.#suspicion = null;
    } else if (record.arm === "stable") {
      if (this.#suspicion !== null) this.#suspicion = { ...this.#suspicion, stableServed: 0 };
    } else if (this.#suspicion !== null) {
      this.#suspect({ ...this.#suspicion, canaryFailures: this.#suspicion.canaryFailures + 1 });
    } else if (fires) {
      this.#suspect({ sinceMs: record.atMs, canaryFailures: isAlone ? canaryFailuresMax : 0, stableServed: 0 });
    }
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

  /** Both sides fired, and neither has been shown to be well again. */
  get isSharedOutage(): boolean {
    return this.#tests.canary.isBurning && this.#tests.stable.isBurning;
  }

  /** The highest evidence against the canary so far, as a logarithm. */
  get peakLogE(): number {
    return this.#tests.canary.peakLogE;
  }

  state(): SloPairState {
    return {
      canary: this.#tests.canary.state(),
      stable: this.#tests.stable.state(),
      suspicion: this.#suspicion,
      isCanaryToBlame: this.#isCanaryToBlame,
    };
  }

  #suspect(suspicion: Suspicion): void {
    this.#suspicion = suspicion;
    const isStableWell = suspicion.stableServed >= stableServedMin && this.#tests.stable.logE <= 0;
    if (isStableWell || suspicion.canaryFailures >= canaryFailuresMax) this.#isCanaryToBlame = true;
  }
}
