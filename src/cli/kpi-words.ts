import { differenceInterval, shareInterval } from "../analysis/effect.ts";
import { countWords, percentWords } from "../analysis/words.ts";
import type { RolloutView } from "../api/views.ts";

type Kpi = NonNullable<NonNullable<RolloutView["evidence"]>["metrics"][number]["kpi"]>;
type Side = Kpi["canary"];

/** What both sides have come to, by the side on which a visitor was met first; the interval is for one look and decides nothing. */
export function describeKpi({ user, outcome, canary, stable }: Kpi): string {
  const who = `  ${user} ${outcome}:`;
  if (canary.mean !== undefined) {
    const side = ({ mean, good }: Side) =>
      mean === null || mean === undefined ? "none" : `${Number(mean.toPrecision(3))} (${countWords(good)})`;
    return `${who} on average ${side(canary)} on the release and ${side(stable)} on stable.`;
  }
  const side = ({ good, units }: Side) =>
    units === 0 ? "none came" : `${percentWords(good / units)} (${countWords(good)} of ${countWords(units)})`;
  const words = `${who} ${side(canary)} on the release and ${side(stable)} on stable`;
  if (canary.units === 0 || stable.units === 0) return `${words}.`;
  const { low, high } = differenceInterval(shareInterval(canary.good, canary.units), shareInterval(stable.good, stable.units));
  return `${words}, a difference between ${points(low)} and ${points(high)} (95%, for one look).`;
}

/** For a line that has little room: "checkout 3 of 40 (stable 61 of 800)". */
export function describeKpisBriefly(
  metrics: readonly { readonly name: string; readonly kpi?: Kpi | undefined }[],
): readonly string[] {
  return metrics.flatMap(({ name, kpi }) => {
    if (kpi === undefined || kpi.canary.units + kpi.stable.units === 0) return [];
    const side = ({ good, units }: Side) => `${countWords(good)} of ${countWords(units)}`;
    return [`${name.slice("kpi:".length)}: ${side(kpi.canary)} (stable ${side(kpi.stable)})`];
  });
}

function points(share: number): string {
  const value = Number((share * 100).toPrecision(2));
  return `${value > 0 ? "+" : ""}${value} points`;
}
