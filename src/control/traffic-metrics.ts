import { type FrontReport, turnedAwayBy } from "../routing/front-counts.ts";
import { headBoundsMs, type StatusClass, type Tally } from "../routing/tallies.ts";
import type { Outcome } from "../routing/wire.ts";
import type { MetricFamily, MetricSample } from "./metric-name.ts";
import type { NumbersOfWorker } from "./worker-numbers.ts";

/** Shown from the first request of a release on: a failure that makes its series appear would be in no rate. */
const shownFromTheStart: readonly { readonly outcome: Outcome; readonly status: StatusClass }[] = [
  { outcome: "ok", status: "2xx" },
  { outcome: "failed", status: "5xx" },
  { outcome: "failed", status: "none" },
  { outcome: "excluded", status: "none" },
];

/** What the workers counted. Releases that are not `isShown` are left out: over the years there is no end of them. */
export function trafficMetrics(
  numbers: readonly NumbersOfWorker[],
  isShown: (about: Pick<Tally, "environment" | "service" | "release">) => boolean,
): readonly MetricFamily[] {
  const tallies = numbers.flatMap(({ worker, tallies }) =>
    tallies.filter(isShown).map((tally) => ({ tally, labels: labelsOf(tally, worker) })),
  );
  return [
    { name: "belay_requests_total", samples: tallies.flatMap(({ tally, labels }) => requestSamples(tally, labels)) },
    {
      name: "belay_shielded_requests_total",
      samples: tallies
        .filter(({ tally }) => tally.arm !== "stable")
        .map(({ tally: { answers }, labels }) => ({
          labels,
          value: answers.reduce((sum, { isShielded, count }) => sum + (isShielded ? count : 0), 0),
        })),
    },
    { name: "belay_ejections_total", samples: tallies.map(({ tally, labels }) => ({ labels, value: tally.ejections })) },
    { name: "belay_response_seconds", samples: tallies.flatMap(({ tally, labels }) => headSamples(tally, labels)) },
    {
      name: "belay_new_visitors_total",
      samples: numbers.flatMap(({ worker, newVisitors }) =>
        newVisitors.map(({ environment, service, count }) => ({ labels: { environment, service, worker }, value: count })),
      ),
    },
    {
      name: "belay_preview_refusals_total",
      samples: numbers.flatMap(({ worker, previewRefusals }) =>
        previewRefusals.map(({ environment, service, why, count }) => ({
          labels: { environment, service, worker, why },
          value: count,
        })),
      ),
    },
    {
      name: "belay_lost_records_total",
      samples: numbers.map(({ worker, lostRecords }) => ({ labels: { worker }, value: lostRecords })),
    },
    ...frontMetrics(numbers),
  ];
}

/** Of the workers that tell; each cause is shown from the start. */
function frontMetrics(numbers: readonly NumbersOfWorker[]): readonly MetricFamily[] {
  const fronts = numbers.flatMap(({ worker, front }) => (front === undefined ? [] : [{ worker, front }]));
  const holds = fronts.flatMap(({ worker, front }) =>
    front.holds.map(({ environment, service, ...counts }) => ({ labels: { environment, service, worker }, counts })),
  );
  return [
    {
      name: "belay_connections",
      samples: fronts.map(({ worker, front }) => ({ labels: { worker }, value: front.connections })),
    },
    {
      name: "belay_turned_away_total",
      samples: fronts.flatMap(({ worker, front }) =>
        turnedAwayBy.map((by) => ({
          labels: { worker, by },
          value: front.turnedAway.find((counted) => counted.by === by)?.count ?? 0,
        })),
      ),
    },
    ...certificateMetrics(fronts),
    {
      name: "belay_requests_without_client_total",
      samples: fronts.flatMap(({ worker, front: { withoutClient = [] } }) =>
        withoutClient.map(({ environment, service, count }) => ({ labels: { environment, service, worker }, value: count })),
      ),
    },
    { name: "belay_requests_waiting", samples: holds.map(({ labels, counts }) => ({ labels, value: counts.waiting })) },
    {
      name: "belay_held_requests_total",
      samples: holds.flatMap(({ labels, counts }) =>
        (["held", "expired", "overflowed"] as const).map((what) => ({ labels: { ...labels, what }, value: counts[what] })),
      ),
    },
    {
      name: "belay_hedged_requests_total",
      samples: fronts.flatMap(({ worker, front }) =>
        front.hedges.map(({ environment, service, what, count }) => ({
          labels: { environment, service, worker, what },
          value: count,
        })),
      ),
    },
  ];
}

function certificateMetrics(
  fronts: readonly { readonly worker: string; readonly front: FrontReport }[],
): readonly MetricFamily[] {
  const told = fronts.flatMap(({ worker, front: { certificates } }) =>
    certificates === undefined ? [] : [{ worker, certificates }],
  );
  return [
    {
      name: "belay_certificate_expiration_timestamp_seconds",
      samples: told.flatMap(({ worker, certificates }) =>
        certificates.served.map(({ name, endsAtMs }) => ({ labels: { worker, certificate: name }, value: endsAtMs / 1000 })),
      ),
    },
    {
      name: "belay_certificates_unusable",
      samples: told.map(({ worker, certificates }) => ({ labels: { worker }, value: certificates.unusable })),
    },
  ];
}

function labelsOf({ environment, service, release, arm }: Tally, worker: string): MetricSample["labels"] {
  return { environment, service, release, arm, worker };
}

function requestSamples({ answers }: Tally, labels: MetricSample["labels"]): readonly MetricSample[] {
  const counts = new Map(shownFromTheStart.map((shown) => [`${shown.outcome} ${shown.status}`, { ...shown, count: 0 }]));
  for (const { outcome, status, count } of answers)
    counts.getOrInsertComputed(`${outcome} ${status}`, () => ({ outcome, status, count: 0 })).count += count;
  return Array.from(counts.values(), ({ outcome, status, count }) => ({ labels: { ...labels, outcome, status }, value: count }));
}

function headSamples({ heads, headsSumMs }: Tally, labels: MetricSample["labels"]): readonly MetricSample[] {
  let count = 0;
  const buckets = heads.map((inBucket, at): MetricSample => {
    count += inBucket;
    const boundMs = headBoundsMs[at];
    return {
      suffix: "_bucket",
      labels: { ...labels, le: boundMs === undefined ? "+Inf" : String(boundMs / 1000) },
      value: count,
    };
  });
  return [...buckets, { suffix: "_sum", labels, value: headsSumMs / 1000 }, { suffix: "_count", labels, value: count }];
}
