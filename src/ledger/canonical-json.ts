import assert from "node:assert/strict";

/**
 * JSON with sorted keys and no white space: equal values give equal text. Keys whose value is undefined are left out, as
 * JSON does; what JSON cannot say (NaN, functions) is a programmer's error.
 */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(",")}]`;
  if (typeof value === "object" && value !== null) {
    const record = value as Readonly<Record<string, unknown>>;
    const keys = Object.keys(record).filter((key) => record[key] !== undefined);
    return `{${keys
      .sort()
      .map((key) => `${JSON.stringify(key)}:${canonicalJson(record[key])}`)
      .join(",")}}`;
  }
  assert.ok(typeof value !== "number" || Number.isFinite(value), "canonical JSON holds finite numbers only");
  const text = JSON.stringify(value);
  assert.ok(text !== undefined, `canonical JSON cannot hold a ${typeof value}`);
  return text;
}
