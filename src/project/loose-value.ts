/** Looks into a document of somebody else's format: what is not of the expected kind reads as absent. */
export function getIn(value: unknown, ...keys: readonly string[]): unknown {
  let inner = value;
  for (const key of keys) {
    if (typeof inner !== "object" || inner === null || Array.isArray(inner) || !Object.hasOwn(inner, key)) return undefined;
    inner = (inner as Record<string, unknown>)[key];
  }
  return inner;
}

export function textIn(value: unknown, ...keys: readonly string[]): string | undefined {
  const found = getIn(value, ...keys);
  return typeof found === "string" && found.trim() !== "" ? found.trim() : typeof found === "number" ? String(found) : undefined;
}

export function listIn(value: unknown, ...keys: readonly string[]): readonly unknown[] {
  const found = getIn(value, ...keys);
  return Array.isArray(found) ? found : found === undefined || found === null ? [] : [found];
}

export function keysIn(value: unknown, ...keys: readonly string[]): readonly string[] {
  const found = getIn(value, ...keys);
  return typeof found === "object" && found !== null && !Array.isArray(found) ? Object.keys(found) : [];
}

/** Names of `NAME=value` lines, of a map's keys, or of a list of names. */
export function variableNames(value: unknown): readonly string[] {
  if (Array.isArray(value)) return value.flatMap((line) => (typeof line === "string" ? [line.split("=")[0] ?? line] : []));
  return keysIn(value);
}
