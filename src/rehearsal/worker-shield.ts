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
  #service = serviceExposedAt(0);
  /** Of the last tick: it never goes back, whatever the order in which requests of a tick are told. */
  #nowMs = 0;

  timePassed(nowMs: number): void {
    this.#nowMs = nowMs;
  }

  /** A weight is served from now on. */
  exposed(epoch: number, nowMs: number): void {
    this.#nowMs = nowMs;
    this.#service = serviceExposedAt(epoch);
    this.#guard.accept({ epoch, services: [this.#service] }, { nowMs, isFromDisk: false });
  }

  /** False when the brake is on. */
  get isOpen(): boolean {
    return this.#guard.isOpen(this.#service, this.#nowMs);
  }

  /** The canary was sent a request. */
  started(epoch: number): void {
    this.#shield.begin(this.#choiceAt(epoch), asked, this.#nowMs);
  }

  mayReplay(epoch: number): boolean {
    const isPresent = this.#service.exposure?.epoch === epoch;
    return this.#shield.mayReplay(this.#choiceAt(epoch), isPresent ? this.#service : null, this.#nowMs);
  }

  replayEnded(epoch: number, hasFailed: boolean): void {
    this.#shield.replayEnded(this.#choiceAt(epoch), hasFailed, this.#nowMs);
  }

  #choiceAt(exposureEpoch: number): Choice {
    return {
      service: this.#service,
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
