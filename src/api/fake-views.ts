import type { Release } from "../rollout/rollout.ts";
import { aPlan } from "./fake-plans.ts";
import type { ApprovalView, RolloutView, SecretView, StatusView, TokenView } from "./views.ts";

/** What the API tells of a service, its rollout and its people, for tests; a test names what matters to it. */
export function aToken(changes: Partial<TokenView> = {}): TokenView {
  return {
    id: "0123456789",
    name: "bob",
    role: "approver",
    scope: { service: null, environment: null },
    by: "ada",
    madeAt: "2026-01-01T00:00:00Z",
    until: null,
    isExpired: false,
    gitEmails: [],
    ...changes,
  };
}

export function anApproval(changes: Partial<ApprovalView> = {}): ApprovalView {
  return {
    rollout: "shop-20260101-a1b2",
    service: "shop",
    environment: "production",
    requestedBy: "ada",
    requestedAt: "2026-01-01T00:00:00Z",
    supervision: { needs: [], awaiting: null, breakGlass: null },
    open: ["environment"],
    digest: "3".repeat(64),
    plan: "4".repeat(64),
    forecast: "about 27 s of gates",
    judgement: null,
    stable: "r-1a2b",
    commits: [],
    files: [],
    config: [],
    tasks: [],
    changes: [],
    checks: [],
    excluded: ["ada"],
    unknown: [],
    ...changes,
  };
}

export function aSecret(changes: Partial<SecretView> = {}): SecretView {
  return { name: "TOKEN", version: 2, fingerprint: "a1b2c3d4e5f6", by: "ada", at: "2026-01-01T00:00:00Z", ...changes };
}

export function aRelease(changes: Partial<Release> = {}): Release {
  return {
    id: "r-2b3c",
    service: "shop",
    environment: "production",
    commit: "2".repeat(40),
    isDirty: false,
    digest: "3".repeat(64),
    fileCount: 12,
    bytes: 34_567,
    run: {
      command: "node server.js",
      instances: 1,
      health: "/healthz",
      startTimeoutMs: 30_000,
      drainTimeoutMs: 30_000,
      memoryBytesMax: null,
    },
    routes: [{ host: "*", path: "/" }],
    expose: "previews",
    ...changes,
  };
}

export function aRollout(changes: Partial<RolloutView> = {}): RolloutView {
  return {
    rollout: "shop-20260101-a1b2",
    service: "shop",
    environment: "production",
    kind: "deploy",
    release: "r-2b3c",
    stable: "r-1a2b",
    phase: { name: "progressing", step: 0 },
    plan: aPlan(),
    forecast: "about 27 s of gates",
    outcome: null,
    by: null,
    reason: "",
    next: "",
    seconds: 12.3,
    weight: 500,
    heldMs: 1_500,
    canaryRequests: 40,
    canaryErrors: 2,
    harmed: 1,
    harmedVisitors: 1,
    shielded: 1,
    unitsCanary: 18,
    failedRequests: 2,
    evidence: null,
    checks: [],
    verdict: "needs 32 more visitors",
    lastLines: "",
    task: null,
    staging: null,
    supervision: { needs: [], awaiting: null, breakGlass: null },
    judgement: null,
    ...changes,
  };
}

export function aStatus(changes: Partial<StatusView> = {}): StatusView {
  return {
    program: "0.1.0",
    log: "log-1",
    isolation: "none",
    addresses: { http: "127.0.0.1:8080" },
    workers: [{ worker: "worker-1", epoch: 7, isConnected: true }],
    trouble: [],
    requestsLastMinute: 7_200,
    turnedAway: {},
    services: [
      {
        service: "shop",
        environment: "production",
        stable: aRelease({ id: "r-1a2b" }),
        warm: null,
        rollout: aRollout(),
        instances: [
          {
            id: "shop-1",
            service: "shop",
            environment: "production",
            release: "r-1a2b",
            host: "127.0.0.1",
            port: 4001,
            state: "ready",
            exits: 0,
            reason: "",
          },
        ],
        processes: [],
        requestsLastMinute: 7_200,
        failuresLastMinute: 3,
        newVisitorsLastMinute: 2_400,
        burning: [],
        budget: { left: 0.8, isExhausted: false, windowMs: 2_419_200_000, objective: "availability" },
        breakGlasses: [],
        maintenance: null,
        tasks: [],
        runs: [],
        previews: [],
        previewRefusals: { forged: 0, expired: 0, foreign: 0, replayed: 0 },
        held: { waiting: 0, held: 0, expired: 0, overflowed: 0 },
        withoutClient: { requests: 0, of: 90 },
      },
    ],
    ...changes,
  };
}
