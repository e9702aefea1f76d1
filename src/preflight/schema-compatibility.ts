import { type ApiDocument, isMap, type Json, type JsonMap, listOf, mapOf } from "./openapi-document.ts";

/** What a schema of a new document asks or promises otherwise than the old one, from the side of a client that knows the old one. */
export interface Change {
  readonly what: string;
  /** Whether a client of the old document can fail by it. */
  readonly isBreaking: boolean;
}

/** Sent: what clients write, so that nothing may be asked for that was not. Received: what they read, so that nothing may be missing. */
export type Direction = "sent" | "received";

interface Comparison {
  readonly direction: Direction;
  readonly from: ApiDocument;
  readonly to: ApiDocument;
  /** Pairs that are being compared, so that a schema that holds itself has an end. */
  readonly seen: Set<string>;
}

const depthMax = 30;

export function compareSchemas(
  before: Json | undefined,
  after: Json | undefined,
  around: Pick<Comparison, "direction" | "from" | "to">,
): readonly Change[] {
  return compare({ before, after, place: "" }, { ...around, seen: new Set() }, 0);
}

interface Pair {
  readonly before: Json | undefined;
  readonly after: Json | undefined;
  /** `user.email`, "" at the top. */
  readonly place: string;
}

function compare({ before, after, place }: Pair, comparison: Comparison, depth: number): readonly Change[] {
  const { direction, from, to, seen } = comparison;
  const key = JSON.stringify([mapOf(before)["$ref"], mapOf(after)["$ref"]]);
  if (key !== "[null,null]") {
    if (seen.has(key)) return [];
    seen.add(key);
  }
  if (depth > depthMax || after === undefined || before === undefined) return [];
  const [old, now] = [flatten(from, before), flatten(to, after)];
  const own = [
    ...compareTypes(old, now, direction),
    ...compareEnums(old, now, direction),
    ...(direction === "sent" ? compareBounds(old, now) : []),
    ...compareChoices(old, now),
  ].map(({ what, isBreaking }) => ({ what: place === "" ? what : `${place} ${what}`, isBreaking }));
  const items = compare({ before: old["items"], after: now["items"], place: `${place}[]` }, comparison, depth + 1);
  return [...own, ...compareProperties({ before: old, after: now, place }, comparison, depth), ...items];
}

function compareProperties(
  { before, after, place }: { readonly before: JsonMap; readonly after: JsonMap; readonly place: string },
  comparison: Comparison,
  depth: number,
): readonly Change[] {
  const { direction, from, to } = comparison;
  const [old, now] = [mapOf(before["properties"]), mapOf(after["properties"])];
  const [oldRequired, nowRequired] = [listOf(before["required"]), listOf(after["required"])];
  // What only the other side writes is no part of this direction.
  const hidden = direction === "sent" ? "readOnly" : "writeOnly";
  const isHere = (document: ApiDocument, schema: Json | undefined) =>
    schema !== undefined && flatten(document, schema)[hidden] !== true;
  const nameOf = (name: string) => (place === "" ? name : `${place}.${name}`);
  const changes: Change[] = [];
  for (const [name, schema] of Object.entries(old)) {
    if (!isHere(from, schema)) continue;
    const next = Object.hasOwn(now, name) ? now[name] : undefined;
    if (!isHere(to, next)) {
      if (direction === "received") changes.push({ what: `${nameOf(name)} is there no more`, isBreaking: true });
      else if (after["additionalProperties"] === false)
        changes.push({ what: `${nameOf(name)} is accepted no more`, isBreaking: true });
      continue;
    }
    if (direction === "received" && oldRequired.includes(name) && !nowRequired.includes(name))
      changes.push({ what: `${nameOf(name)} is no longer always there`, isBreaking: true });
    changes.push(...compare({ before: schema, after: next, place: nameOf(name) }, comparison, depth + 1));
  }
  if (direction === "sent")
    for (const name of nowRequired)
      if (typeof name === "string" && !oldRequired.includes(name) && isHere(to, now[name] ?? {}))
        changes.push({ what: `${nameOf(name)} is required now`, isBreaking: true });
  return changes;
}

function compareTypes(old: JsonMap, now: JsonMap, direction: Direction): readonly Change[] {
  const [before, after] = [typesOf(old), typesOf(now)];
  if (before === null || after === null) {
    // Anything may come where it was said before what comes.
    const isLoose = direction === "received" ? before !== null : after !== null;
    return isLoose && before !== after ? [{ what: `was ${words(before)} and is ${words(after)}`, isBreaking: true }] : [];
  }
  const [given, accepted] = direction === "sent" ? [before, after] : [after, before];
  const fits = given.every((type) => accepted.includes(type) || (type === "integer" && accepted.includes("number")));
  return fits ? [] : [{ what: `was ${words(before)} and is ${words(after)}`, isBreaking: true }];
}

function words(types: readonly string[] | null): string {
  return types === null ? "of any type" : types.join(" or ");
}

/** Null is any type. 3.0 says `nullable`, 3.1 a list. */
function typesOf(schema: JsonMap): readonly string[] | null {
  const { type } = schema;
  const named = typeof type === "string" ? [type] : listOf(type).filter((each) => typeof each === "string");
  if (named.length === 0) return impliedTypes(schema);
  return schema["nullable"] === true ? [...named, "null"] : named;
}

/** Many documents leave out the type where the rest says it. */
function impliedTypes(schema: JsonMap): readonly string[] | null {
  if (schema["properties"] !== undefined) return ["object"];
  if (schema["items"] !== undefined) return ["array"];
  const values = Array.isArray(schema["enum"]) ? schema["enum"] : [];
  if (values.length === 0) return null;
  return [...new Set(values.map((value) => (value === null ? "null" : typeof value)))];
}

function compareEnums(old: JsonMap, now: JsonMap, direction: Direction): readonly Change[] {
  const [before, after] = [valuesOf(old), valuesOf(now)];
  const show = (values: readonly string[]) => values.slice(0, 5).join(", ");
  if (direction === "sent") {
    if (after === null) return [];
    if (before === null) return [{ what: `takes nothing but ${show(after)} now`, isBreaking: true }];
    const gone = before.filter((value) => !after.includes(value));
    return gone.length === 0 ? [] : [{ what: `takes ${show(gone)} no more`, isBreaking: true }];
  }
  if (before === null || after === null) return [];
  const added = after.filter((value) => !before.includes(value));
  return added.length === 0 ? [] : [{ what: `can be ${show(added)} now, which clients may not know`, isBreaking: false }];
}

function valuesOf(schema: JsonMap): readonly string[] | null {
  if (schema["const"] !== undefined) return [JSON.stringify(schema["const"])];
  return Array.isArray(schema["enum"]) ? schema["enum"].map((value) => JSON.stringify(value)) : null;
}

const lowest = ["minimum", "minLength", "minItems", "minProperties"] as const;
const highest = ["maximum", "maxLength", "maxItems", "maxProperties"] as const;

function compareBounds(old: JsonMap, now: JsonMap): readonly Change[] {
  const changes: Change[] = [];
  const number = (value: Json | undefined) => (typeof value === "number" ? value : undefined);
  for (const name of lowest) {
    const after = number(now[name]);
    if (after !== undefined && after > (number(old[name]) ?? Number.NEGATIVE_INFINITY))
      changes.push({ what: `has ${name} ${after} now`, isBreaking: true });
  }
  for (const name of highest) {
    const after = number(now[name]);
    if (after !== undefined && after < (number(old[name]) ?? Number.POSITIVE_INFINITY))
      changes.push({ what: `has ${name} ${after} now`, isBreaking: true });
  }
  if (now["pattern"] !== undefined && now["pattern"] !== old["pattern"])
    changes.push({ what: "has another pattern now", isBreaking: true });
  return changes;
}

/** What may be one of several is not taken apart: that it has changed is told. */
function compareChoices(old: JsonMap, now: JsonMap): readonly Change[] {
  return (["oneOf", "anyOf", "not"] as const)
    .filter((name) => JSON.stringify(old[name]) !== JSON.stringify(now[name]))
    .map((name) => ({ what: `has another ${name}, which is not compared`, isBreaking: false }));
}

/** A schema with what its references and `allOf` bring, each reference once: one may lead back to where it stands. */
function flatten(document: ApiDocument, schema: Json, taken: Set<Json> = new Set()): JsonMap {
  const reference = mapOf(schema)["$ref"];
  if (reference !== undefined) {
    if (taken.has(reference)) return {};
    taken.add(reference);
  }
  const own = document.resolve(schema);
  const parts = listOf(own["allOf"]).map((part) => flatten(document, part, taken));
  if (parts.length === 0) return own;
  const all = [...parts, own];
  const merged = Object.assign({}, ...all) as Record<string, Json>;
  merged["properties"] = Object.assign({}, ...all.map((part) => mapOf(part["properties"])));
  merged["required"] = [...new Set(all.flatMap((part) => listOf(part["required"])))];
  return isMap(merged) ? merged : own;
}
