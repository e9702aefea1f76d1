import type { OneOff } from "../rollout/task.ts";

/** For tests: a command that runs once. */
export function aRun(changes: Partial<OneOff> = {}): OneOff {
  return {
    run: "shop.production.r-1a2b.run-once.1",
    release: "r-1a2b",
    command: ["node", "report.js"],
    reason: "the monthly figures",
    by: { kind: "person", name: "ada", via: "socket" },
    startedAt: "2026-01-01T00:00:00Z",
    end: null,
    ...changes,
  };
}
