import type { Entry, Fact } from "./entry.ts";
import type { EvidenceSummary } from "./evidence-summary.ts";
import { applyEntry, newService } from "./fold.ts";
import type { Actor, Plan, Release, Rollout } from "./rollout.ts";
import type { Service } from "./service.ts";

/** Builders for tests: a plan, a release, and a service that facts are told to one by one. */
export const plan: Plan = {
  steps: [
    { weight: 500, minHoldMs: 2_000 },
    { weight: 2_500, minHoldMs: 2_000 },
  ],
  holdbackWeight: 9_500,
  harm: 0.02,
  maxHoldMs: 60_000,
  onInconclusive: "hold",
  scoreWindowMs: 3_000,
  bakeMs: 8_000,
  keepWarmMs: 60_000,
  sloAvailability: 0.999,
  responseDeadlineMs: 30_000,
  leaseTtlMs: 10_000,
};

export const evidence: EvidenceSummary = {
  canary: { visitors: 10, failedVisitors: 0, requests: 30, failedRequests: 0 },
  stable: { visitors: 190, failedVisitors: 0, requests: 570, failedRequests: 0 },
  metrics: [],
  scoredVisitors: 10,
  failedScoredVisitors: 0,
  excludedHarm: 0.26,
  harmedRequests: 0,
  harmedVisitors: 0,
  shieldedRequests: 0,
  lostRecords: 0,
};

export const ann: Actor = { kind: "person", name: "ann", via: "socket" };

export function releaseNamed(id: string): Release {
  return {
    id,
    service: "shop",
    environment: "production",
    commit: id.repeat(20).slice(0, 40),
    isDirty: false,
    digest: id.repeat(32).slice(0, 64),
    fileCount: 3,
    bytes: 300,
    run: {
      command: "node server.js",
      instances: 1,
      health: "/healthz",
      startTimeoutMs: 30_000,
      drainTimeoutMs: 30_000,
      memoryBytesMax: null,
    },
    routes: [{ host: "shop.example.com", path: "/" }],
    expose: "previews",
  };
}

/** A service to which facts are told in order, as the ledger would. */
export class Story {
  service: Service = newService("production", "shop");
  #position = 0;
  #rollout = "";

  tell(...facts: readonly Fact[]): this {
    return this.tellBy(ann.name, ...facts);
  }

  /** The same, by somebody else. */
  tellBy(name: string, ...facts: readonly Fact[]): this {
    for (const fact of facts) {
      this.#position += 1;
      if (fact.kind === "rollout-requested") this.#rollout = `shop-${this.#position}`;
      const entry: Entry = {
        environment: "production",
        service: "shop",
        rollout: this.#rollout,
        actor: { ...ann, name },
        fact,
        position: this.#position,
        version: 1,
        at: `2026-01-01T00:00:${String(this.#position % 60).padStart(2, "0")}Z`,
      };
      this.service = applyEntry(this.service, entry);
    }
    return this;
  }

  get rollout(): Rollout {
    if (this.service.rollout === null) throw new Error("nothing was requested yet");
    return this.service.rollout;
  }

  /** The first release, promoted at once. */
  withStable(id = "a1"): this {
    return this.request(id).tell({ kind: "candidate-ready" }, acknowledged);
  }

  /** A deploy whose release is built and has one ready instance. */
  request(id: string, own: Partial<Plan> = {}): this {
    return this.tell(
      {
        kind: "rollout-requested",
        rolloutKind: "deploy",
        commit: releaseNamed(id).commit,
        root: "",
        isDirty: false,
        plan: { ...plan, ...own },
        forecast: "",
      },
      { kind: "release-built", release: releaseNamed(id) },
      { kind: "instance-ready", instance: `shop.${id}.1`, release: id, host: "127.0.0.1", port: 4000 + this.#position },
    );
  }

  /** A deploy that has reached its first step. */
  exposed(id = "b2", own: Partial<Plan> = {}): this {
    return this.withStable().request(id, own).tell({ kind: "candidate-ready" });
  }
}

export const acknowledged: Fact = { kind: "routing-acknowledged", epoch: 1, tookMs: 3, evidence: null };
export const passed = (step: number): Fact => ({
  kind: "step-ended",
  step,
  why: "passed",
  evidence,
  heldMs: 3_000,
  words: "passed",
});
export const failed: Fact = { kind: "verdict-failed", metric: "errors", reason: "3 visitors failed", evidence, heldMs: 900 };
