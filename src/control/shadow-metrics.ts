import type { ShadowTally } from "../routing/shadow-tallies.ts";
import type { MetricFamily } from "./metric-name.ts";
import type { NumbersOfWorker } from "./worker-numbers.ts";

/** What the workers copied. Releases that are not `isShown` are left out, as in what they counted of visitors. */
export function shadowMetrics(
  numbers: readonly NumbersOfWorker[],
  isShown: (about: Pick<ShadowTally, "environment" | "service" | "release">) => boolean,
): readonly MetricFamily[] {
  const tallies = numbers.flatMap(({ worker, shadows }) =>
    shadows.filter(isShown).map((tally) => {
      const { environment, service, release } = tally;
      return { tally, labels: { environment, service, release, worker } };
    }),
  );
  return [
    { name: "belay_shadow_mirrored_total", samples: tallies.map(({ tally, labels }) => ({ labels, value: tally.mirrored })) },
    { name: "belay_shadow_differing_total", samples: tallies.map(({ tally, labels }) => ({ labels, value: tally.differing })) },
    {
      name: "belay_shadow_dropped_total",
      samples: tallies.flatMap(({ tally, labels }) =>
        Object.entries(tally.dropped).map(([why, value]) => ({ labels: { ...labels, why }, value })),
      ),
    },
  ];
}
