import { ExposureGuard } from "../routing/exposure-guard.ts";
import type { Choice } from "../routing/in-flight.ts";
import { Shield } from "../routing/shield.ts";
import type { ServiceRoute } from "../routing/table.ts";

const name = "rehearsal";
const stable = { release: "stable", targets: [] };
const canary = { release: "canary", targets: [] };
/** Whose request may be repeated is drawn with the request, and whose may not is never asked about. */
const asked = { method: "GET", hasIdempotencyKey: false, bodyBytes: 0 };

/** The shield of one proxy worker with its budget and its brake, in virtual time. */
export class WorkerShield {
  readonly #guard = new ExposureGuard();
  readonly #shield = new Shield({ guard: this.#guard });
  #choice = choiceAt(0);
  /** Requests of the canary for which the budget has yet to earn something: it is looked at only when a replay is asked for. */
  #toEarnFor = 0;
  /** Of the last tick: it never goes back, whatever the order in which requests of a tick are told. */
  #nowMs = 0;

  /** False when the brake is on. */
  isOpen = false;

  timePassed(nowMs: number): void {
    this.#nowMs = nowMs;
  }

  /** A weight is served from now on. */
  exposed(epoch: number, nowMs: number): void {
    this.#nowMs = nowMs;
    this.#choice = choiceAt(epoch);
    this.#toEarnFor = 0;
    this.#guard.accept({ epoch, services: [this.#choice.service] }, { nowMs, isFromDisk: false });
    this.#look();
  }

  /** The canary was sent a request. */
  started(): void {
    this.#toEarnFor += 1;
  }

  mayReplay(epoch: number): boolean {
    for (; this.#toEarnFor > 0; this.#toEarnFor -= 1) this.#shield.begin(this.#choice, asked, this.#nowMs);
    const isPresent = this.#choice.exposureEpoch === epoch;
    const may = this.#shield.mayReplay(this.#choice, isPresent ? this.#choice.service : null, this.#nowMs);
    this.#look();
    return may;
  }

  replayEnded(hasFailed: boolean): void {
    this.#shield.replayEnded(this.#choice, hasFailed, this.#nowMs);
  }

  #look(): void {
    this.isOpen = this.#guard.isOpen(this.#choice.service, this.#nowMs);
  }
}

function choiceAt(exposureEpoch: number): Choice {
  return {
    service: serviceExposedAt(exposureEpoch),
    route: name,
    rules: {},
    arm: "canary",
    pool: canary,
    fallback: stable,
    weight: 0,
    rollout: name,
    exposureEpoch,
    unit: null,
    isByRequest: false,
  };
}

/** Its lease is renewed for as long as the rehearsal lasts. */
function serviceExposedAt(epoch: number): ServiceRoute {
  return {
    service: name,
    environment: name,
    routes: [],
    stable,
    exposure: { rollout: name, epoch, canary, weight: 0, salt: name, leaseTtlMs: Number.POSITIVE_INFINITY },
    watch: null,
    responseDeadlineMs: 0,
    expose: "previews",
  };
}
