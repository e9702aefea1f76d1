import { type Kpi, kpisMax } from "../../rollout/kpi.ts";
import type { Plan } from "../../rollout/rollout.ts";
import type { CounterSource } from "../../rollout/source.ts";
import { describePercent } from "../quantities.ts";
import { type Change, type Judged, stricterNumber } from "./loosening.ts";
import { stricterNamed } from "./stricter-named.ts";

/** The outcomes that a team declared: none goes, and each stays what it was measured by. Its words may become better ones. */
export function stricterKpis({ was, asked }: Change<Plan["kpis"]>): Judged<readonly Kpi[]> {
  const nameOf = ({ name }: Kpi) => name;
  const judged = stricterNamed("kpis", { was: was ?? [], asked: asked ?? [] }, nameOf, (field, change) => {
    const measured = ({ good, of, valueField, direction }: Kpi) => JSON.stringify({ good, of, valueField, direction });
    if (measured(change.was) !== measured(change.asked))
      return { value: change.was, loosenings: [{ field, was: "as it was measured", asked: "measured otherwise" }] };
    const tolerances = { was: change.was.tolerance, asked: change.asked.tolerance };
    const { value, loosenings } = stricterNumber(`${field}.tolerance`, tolerances, { strict: "low", words: describePercent });
    return { value: { ...change.asked, tolerance: value }, loosenings };
  });
  // A visitor is remembered with so many outcomes and no more: those that were come before those that are new.
  const isNew = ({ name }: Kpi) => was?.some((kpi) => kpi.name === name) !== true;
  const kept = judged.value.filter((kpi) => !isNew(kpi));
  return { ...judged, value: [...kept, ...judged.value.filter(isNew)].slice(0, kpisMax) };
}

/** Figures of others: none goes, and each asks what it asked. Where it asks, and how often, may change. */
export function stricterSources({ was, asked }: Change<Plan["sources"]>): Judged<readonly CounterSource[]> {
  const nameOf = ({ name }: CounterSource) => name;
  return stricterNamed("sources", { was: was ?? [], asked: asked ?? [] }, nameOf, (field, change) => {
    const { bad, of } = change.was;
    if (bad !== change.asked.bad || of !== change.asked.of)
      return { value: change.was, loosenings: [{ field, was: "as it was asked", asked: "asked otherwise" }] };
    if (change.was.isRequired && !change.asked.isRequired)
      return {
        value: { ...change.asked, isRequired: true },
        loosenings: [{ field: `${field}.required`, was: "true", asked: "false" }],
      };
    return { value: change.asked, loosenings: [] };
  });
}
