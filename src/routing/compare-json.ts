import { type DifferenceKind, type FieldDifference, plainName } from "./field-difference.ts";

const depthMax = 12;
/** An element with more nesting is told from others by its place alone: to write it as text could take more stack than there is. */
const writtenDepthMax = 100;
/** Of one pair of answers; behind that they have nothing to do with each other, and that is known by then. */
const differencesMax = 100;
/** An object with more keys than a program has names for is a table, whose keys are data. */
const namedKeysMax = 60;
/** Keys by which elements of a list are known again, whatever their order. */
const identities = ["id", "uuid", "key", "slug", "sku", "code", "name"];

/** Where two JSON values differ, by field. An index is no part of a field's name, and neither is a key that looks like data. */
export function compareJson(expected: unknown, seen: unknown): readonly FieldDifference[] {
  const found = new Differences();
  compare(expected, seen, { field: "body", depth: 0, found });
  return found.all();
}

interface Place {
  readonly field: string;
  readonly depth: number;
  readonly found: Differences;
}

class Differences {
  #byKey = new Map<string, FieldDifference>();

  add(field: string, how: DifferenceKind, example: string): void {
    if (this.isFull) return;
    this.#byKey.getOrInsertComputed(`${how} ${field}`, () => ({ field, how, example }));
  }

  get isFull(): boolean {
    return this.#byKey.size >= differencesMax;
  }

  all(): readonly FieldDifference[] {
    return [...this.#byKey.values()];
  }
}

type Json = Readonly<Record<string, unknown>>;

function compare(expected: unknown, seen: unknown, place: Place): void {
  const { field, depth, found } = place;
  if (found.isFull || depth > depthMax || Object.is(expected, seen)) return;
  const [was, is] = [kindOf(expected), kindOf(seen)];
  if (was !== is) found.add(field, "type", `${shapeOf(expected)} → ${shapeOf(seen)}`);
  else if (was === "list") compareLists(expected as readonly unknown[], seen as readonly unknown[], place);
  else if (was === "object") compareObjects(expected as Json, seen as Json, place);
  else found.add(field, "value", `${shapeOf(expected)} → ${shapeOf(seen)}`);
}

function compareObjects(expected: Json, seen: Json, { field, depth, found }: Place): void {
  const keys = new Set([...Object.keys(expected), ...Object.keys(seen)]);
  const isTable = keys.size > namedKeysMax;
  for (const key of keys) {
    // Most fields are the same, and a name costs more than that look.
    if (Object.is(expected[key], seen[key]) && Object.hasOwn(seen, key) && Object.hasOwn(expected, key)) continue;
    const inner = `${field}.${isTable ? "{}" : plainName(key)}`;
    if (!Object.hasOwn(seen, key)) found.add(inner, "missing", `${shapeOf(expected[key])} → absent`);
    else if (!Object.hasOwn(expected, key)) found.add(inner, "added", `absent → ${shapeOf(seen[key])}`);
    else compare(expected[key], seen[key], { field: inner, depth: depth + 1, found });
  }
}

/** Elements are held against those of the same identity, else, where all are the same in another order, against themselves; else by place. */
function compareLists(expected: readonly unknown[], seen: readonly unknown[], place: Place): void {
  const { field, depth, found } = place;
  if (expected.length !== seen.length) found.add(field, "length", `${expected.length} elements → ${seen.length}`);
  const inner = { field: `${field}[]`, depth: depth + 1, found };
  const identity = identities.find((key) => isIdentity(key, expected) && isIdentity(key, seen));
  if (identity !== undefined && compareByIdentity(identity, expected as readonly Json[], seen as readonly Json[], place)) return;
  if (isReordered(expected, seen)) {
    found.add(field, "order", `${expected.length} elements in another order`);
    return;
  }
  for (const [index, element] of expected.entries()) if (index < seen.length) compare(element, seen[index], inner);
}

function isIdentity(key: string, list: readonly unknown[]): boolean {
  const values = list.map((element) => (kindOf(element) === "object" ? (element as Json)[key] : undefined));
  const isPlain = values.every((value) => typeof value === "string" || typeof value === "number");
  return isPlain && new Set(values).size === values.length;
}

/** False when the two lists have no element in common: then the identities are new in each answer. */
function compareByIdentity(
  key: string,
  expected: readonly Json[],
  seen: readonly Json[],
  { field, depth, found }: Place,
): boolean {
  const after = new Map(seen.map((element) => [element[key], element]));
  const common = expected.filter((element) => after.has(element[key]));
  if (common.length === 0) return false;
  const before = new Set(common.map((element) => element[key]));
  const order = seen.filter((element) => before.has(element[key]));
  if (common.some((element, index) => order[index]?.[key] !== element[key]))
    found.add(field, "order", `${common.length} elements in another order`);
  for (const element of common) compare(element, after.get(element[key]), { field: `${field}[]`, depth: depth + 1, found });
  if (common.length < expected.length) found.add(`${field}[]`, "missing", "object → absent");
  if (order.length < seen.length) found.add(`${field}[]`, "added", "absent → object");
  return true;
}

function isReordered(expected: readonly unknown[], seen: readonly unknown[]): boolean {
  if (expected.length !== seen.length || expected.length < 2) return false;
  if (isDeeperThan(writtenDepthMax, expected) || isDeeperThan(writtenDepthMax, seen)) return false;
  const [was, is] = [expected, seen].map((list) => list.map((element) => JSON.stringify(element)));
  if (was === undefined || is === undefined || was.every((element, index) => element === is[index])) return false;
  const sorted = is.toSorted();
  return was.toSorted().every((element, index) => element === sorted[index]);
}

function isDeeperThan(levels: number, value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  return levels === 0 || Object.values(value).some((inner) => isDeeperThan(levels - 1, inner));
}

function kindOf(value: unknown): "null" | "list" | "object" | "string" | "number" | "boolean" {
  if (value === null || value === undefined) return "null";
  if (Array.isArray(value)) return "list";
  const kind = typeof value;
  return kind === "string" || kind === "number" || kind === "boolean" ? kind : "object";
}

/** A value without what it says. */
function shapeOf(value: unknown): string {
  const kind = kindOf(value);
  switch (kind) {
    case "list":
      return `list of ${(value as readonly unknown[]).length}`;
    case "string":
      return `text of ${(value as string).length}`;
    case "number":
      return digitsWords(String(value).replace(/\D/g, "").length);
    default:
      return kind;
  }
}

function digitsWords(count: number): string {
  return `number of ${count} digit${count === 1 ? "" : "s"}`;
}
