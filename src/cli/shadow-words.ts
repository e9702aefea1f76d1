import { describeField } from "../analysis/shadow-verdict.ts";
import type { RolloutView } from "../api/views.ts";
import { countOf } from "./show-table.ts";

type Shadow = NonNullable<RolloutView["evidence"]>["shadow"];

/** For a look in passing: empty where nothing was copied. */
export function describeCopies(shadow: Shadow): readonly string[] {
  if (shadow === undefined || shadow.mirrored === 0) return [];
  if (shadow.compared === 0) return [`copies: ${shadow.mirrored}, none compared yet`];
  const differing = shadow.fieldCount === 0 ? "none differs beyond noise" : `differing in ${countOf(shadow.fieldCount, "field")}`;
  return [`copies: ${shadow.mirrored}, ${shadow.compared} compared, ${differing}`];
}

/** What came of the copies, and each field that differs. */
export function describeShadow(shadow: Shadow): readonly string[] {
  if (shadow === undefined) return [];
  const { mirrored, compared, pairs, dropped, differing, fields, fieldCount, noisyFields } = shadow;
  const lines = [
    `Copies for the shadow: ${mirrored} made, ${dropped} left out; ${compared} of its answers were compared with stable's, and ${pairs} of stable's with its own. Nobody saw them.`,
  ];
  if (noisyFields > 0)
    lines.push(`In ${countOf(noisyFields, "field")} stable differs from itself: these count only beyond that.`);
  if (fieldCount === 0) return lines;
  lines.push(`${countOf(differing, "answer")} of the shadow differ, in ${countOf(fieldCount, "field")}:`);
  lines.push(...fields.map((field) => `  ${describeField(field)}`));
  if (fieldCount > fields.length) lines.push(`  and ${fieldCount - fields.length} more.`);
  return lines;
}
