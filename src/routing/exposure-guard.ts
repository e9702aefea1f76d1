import type { Exposure, RoutingTable, ServiceRoute } from "./table.ts";
import type { Brake } from "./wire.ts";

interface Guarded {
  readonly service: string;
  readonly environment: string;
  readonly rollout: string;
  readonly exposureEpoch: number;
  readonly leaseTtlMs: number;
  isPresent: boolean;
  /** Null until a control plane granted one: a table read from disk exposes nobody. */
  leaseEndsAtMs: number | null;
  by: Brake["by"] | null;
}

/**
 * A worker's own rules about the canary's traffic. They move it towards stable only: a brake is latched on the exposure's
 * epoch, so that neither a renewed lease nor another service's table revives it, only a new entry in the ledger.
 */
export class ExposureGuard {
  /** By service. What is absent from the table stays known, so that an old exposure cannot come back as a new one. */
  #guarded = new Map<string, Guarded>();

  /** Takes over a table's exposures. Returns those that are new, and grants every unbraked one its lease unless the table was read from disk. */
  accept(table: RoutingTable, grant: { readonly nowMs: number; readonly isFromDisk: boolean }): readonly Exposure[] {
    this.expireLeases(grant.nowMs);
    for (const guarded of this.#guarded.values()) guarded.isPresent = false;
    const fresh: Exposure[] = [];
    for (const service of table.services) {
      const { exposure } = service;
      if (exposure === null) continue;
      let guarded = this.#guarded.get(keyOf(service));
      if (guarded === undefined || exposure.epoch > guarded.exposureEpoch) {
        guarded = guardedFrom(service, exposure);
        this.#guarded.set(keyOf(service), guarded);
        fresh.push(exposure);
      }
      guarded.isPresent = true;
      if (!grant.isFromDisk) guarded.leaseEndsAtMs = grant.nowMs + guarded.leaseTtlMs;
    }
    return fresh;
  }

  /** Renews what is not braked and has had a lease; 0 ends all of them now. */
  renew(ttlMs: number, nowMs: number): void {
    this.expireLeases(nowMs);
    for (const guarded of this.#guarded.values()) {
      if (guarded.leaseEndsAtMs === null) continue;
      guarded.leaseEndsAtMs = nowMs + Math.min(ttlMs, guarded.leaseTtlMs);
    }
    this.expireLeases(nowMs);
  }

  /** Whether the canary of this service may have traffic now. */
  isOpen(service: ServiceRoute, nowMs: number): boolean {
    const guarded = this.#guarded.get(keyOf(service));
    if (guarded === undefined || guarded.exposureEpoch !== service.exposure?.epoch) return false;
    expireLease(guarded, nowMs);
    return guarded.by === null && guarded.leaseEndsAtMs !== null;
  }

  /** The canary's traffic stays on stable until a new exposure: it is gone, or fails more than can be answered for it. */
  brake(service: ServiceRoute, by: "health" | "budget"): void {
    const guarded = this.#guarded.get(keyOf(service));
    if (guarded !== undefined) guarded.by ??= by;
  }

  expireLeases(nowMs: number): void {
    for (const guarded of this.#guarded.values()) expireLease(guarded, nowMs);
  }

  /** What is braked now, among the exposures of the present table. */
  brakes(nowMs: number): readonly Brake[] {
    this.expireLeases(nowMs);
    const brakes: Brake[] = [];
    for (const { service, environment, rollout, exposureEpoch, by, isPresent } of this.#guarded.values()) {
      if (isPresent && by !== null) brakes.push({ service, environment, rollout, exposureEpoch, by });
    }
    return brakes;
  }
}

function guardedFrom(service: ServiceRoute, exposure: Exposure): Guarded {
  return {
    service: service.service,
    environment: service.environment,
    rollout: exposure.rollout,
    exposureEpoch: exposure.epoch,
    leaseTtlMs: exposure.leaseTtlMs,
    isPresent: true,
    leaseEndsAtMs: null,
    by: null,
  };
}

function expireLease(guarded: Guarded, nowMs: number): void {
  if (guarded.isPresent && guarded.leaseEndsAtMs !== null && nowMs >= guarded.leaseEndsAtMs) guarded.by ??= "lease";
}

function keyOf({ environment, service }: ServiceRoute): string {
  return `${environment}/${service}`;
}
