import { compareJson } from "./compare-json.ts";
import { type FieldDifference, plainName } from "./field-difference.ts";

/** The body of an answer, as far as it can be compared. */
export type SeenBody =
  | { readonly kind: "json"; readonly value: unknown }
  /** Anything else: only its length and its hash. */
  | { readonly kind: "bytes"; readonly length: number; readonly sha256: string };

export interface SeenAnswer {
  readonly status: number;
  /** Name, value, name, value. */
  readonly headers: readonly string[];
  readonly body: SeenBody;
}

/** What happened to a copy of a request: an answer, or why there is none. */
export type CopyEnd = SeenAnswer | { readonly missing: "no answer in time" | "no answer" | "too large" };

/**
 * Headers by which clients behave otherwise. Those whose value may name a person or a session are told by their shape only; the
 * others (`true`) as they are.
 */
const comparedHeaders: Readonly<Record<string, boolean>> = {
  "content-type": true,
  "content-language": true,
  "cache-control": true,
  vary: true,
  allow: true,
  "retry-after": false,
  location: false,
  link: false,
  "content-disposition": false,
  "www-authenticate": false,
  "access-control-allow-origin": false,
  "content-security-policy": false,
  "strict-transport-security": false,
  "x-frame-options": false,
};

/** Where `seen` is not what `expected` was. Each field once, however often it differs within the answer. */
export function compareAnswers(expected: SeenAnswer, seen: CopyEnd): readonly FieldDifference[] {
  if ("missing" in seen) return [{ field: "answer", how: "missing", example: `${expected.status} → ${seen.missing}` }];
  const differences: FieldDifference[] = [];
  if (expected.status !== seen.status)
    differences.push({ field: "status", how: "value", example: `${expected.status} → ${seen.status}` });
  differences.push(...compareHeaders(expected.headers, seen.headers));
  // An error's body is no version of the page that stable shows.
  if (classOf(expected.status) === classOf(seen.status)) differences.push(...compareBodies(expected.body, seen.body));
  return differences;
}

function compareHeaders(expected: readonly string[], seen: readonly string[]): readonly FieldDifference[] {
  const before = fieldsOf(expected);
  const after = fieldsOf(seen);
  const names = [...Object.keys(comparedHeaders), ...cookieNames(before, after)];
  return names.flatMap((name): readonly FieldDifference[] => {
    const [was, is] = [before.get(name), after.get(name)];
    if (was === is) return [];
    const how = was === undefined ? "added" : is === undefined ? "missing" : "value";
    const show = (value: string | undefined) =>
      value === undefined ? "absent" : comparedHeaders[name] === true ? value.slice(0, 60) : `text of ${value.length}`;
    return [{ field: `header ${name}`, how, example: `${show(was)} → ${show(is)}` }];
  });
}

/** Headers by name in lower case; each cookie that is set counts as a header of its own, by its name alone. */
function fieldsOf(headers: readonly string[]): ReadonlyMap<string, string> {
  const fields = new Map<string, string>();
  for (let index = 0; index + 1 < headers.length; index += 2) {
    const name = (headers[index] ?? "").toLowerCase();
    const value = headers[index + 1] ?? "";
    if (name === "set-cookie") fields.set(`set-cookie ${plainName(value.split("=", 1)[0]?.trim() ?? "")}`, "set");
    else if (Object.hasOwn(comparedHeaders, name)) fields.set(name, joined(fields.get(name), normalized(name, value)));
  }
  return fields;
}

function cookieNames(...sides: readonly ReadonlyMap<string, string>[]): readonly string[] {
  const names = new Set(sides.flatMap((side) => [...side.keys()]));
  return [...names].filter((name) => name.startsWith("set-cookie ")).toSorted();
}

function joined(before: string | undefined, value: string): string {
  return before === undefined ? value : `${before}, ${value}`;
}

function normalized(name: string, value: string): string {
  return name === "content-type" ? value.toLowerCase().replaceAll(" ", "") : value.trim();
}

function compareBodies(expected: SeenBody, seen: SeenBody): readonly FieldDifference[] {
  if (expected.kind === "json" && seen.kind === "json") return compareJson(expected.value, seen.value);
  if (expected.kind !== seen.kind)
    return [{ field: "body", how: "type", example: `${bodyWords(expected)} → ${bodyWords(seen)}` }];
  if (expected.kind !== "bytes" || seen.kind !== "bytes" || expected.sha256 === seen.sha256) return [];
  const example = `${expected.length} bytes → ${seen.length} bytes`;
  const content: FieldDifference = { field: "body", how: "value", example };
  return expected.length === seen.length ? [content] : [content, { field: "body", how: "length", example }];
}

function bodyWords(body: SeenBody): string {
  return body.kind === "json" ? "JSON" : `${body.length} bytes that are no JSON`;
}

function classOf(status: number): number {
  return Math.floor(status / 100);
}
