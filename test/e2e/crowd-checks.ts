import assert from "node:assert/strict";
import type { Failure, VisitorReport } from "../visitors/tally.ts";
import type { Dying } from "./belay-processes.ts";

/** A client that was busy learns only at its next look that a connection has been closed, and may have used it meanwhile. */
const noticedAfterMs = 100;

/** Nobody noticed anything. */
export function assertUnnoticed(report: VisitorReport): void {
  assert.deepEqual(
    countsOf(report),
    { failed: 0, loggedOut: 0, missedAssets: 0, unexpected: 0 },
    describeFailures(report.failures),
  );
}

/** As `assertUnnoticed`, but for requests that were in flight while something was dying. */
export function assertOnlyInFlightFailed(report: VisitorReport, dying: Dying): void {
  const others = report.failures.filter(
    ({ startedAtMs, endedAtMs }) => startedAtMs > dying.toMs + noticedAfterMs || endedAtMs < dying.fromMs,
  );
  assert.deepEqual(others, [], describeFailures(others));
  const { loggedOut, missedAssets, unexpected } = report;
  assert.deepEqual({ loggedOut, missedAssets, unexpected }, { loggedOut: 0, missedAssets: 0, unexpected: 0 });
}

function countsOf({ failed, loggedOut, missedAssets, unexpected }: VisitorReport) {
  return { failed, loggedOut, missedAssets, unexpected };
}

function describeFailures(failures: readonly Failure[]): string {
  return `what visitors met: ${JSON.stringify(failures.slice(0, 10), null, 1)}`;
}
