import { describePath, type Finding, type Path, printable } from "./position.ts";
import type { JsonSchema, ShapeIssue } from "./schema.ts";
import { nearest } from "./suggest.ts";

interface Context {
  /** The file as plain data. */
  readonly value: unknown;
  readonly schema: JsonSchema;
  readonly findingsMax: number;
}

interface NameWords {
  readonly what: string;
  readonly fix: string;
}

const environmentName: NameWords = {
  what: "an environment",
  fix: "Write a name of a-z, 0-9 and -, at most 63 long, such as production.",
};

const variableName: NameWords = { what: "a variable", fix: "Write letters, digits and _, such as DATABASE_URL." };

/** By the map that the name is a key of. */
const nameWords: Readonly<Record<string, NameWords>> = {
  environments: environmentName,
  config: variableName,
  sources: {
    what: "a source",
    fix: "Write a name of a-z, 0-9 and - that begins with a letter, at most 40 long, such as payments.",
  },
  tasks: { what: "a task", fix: "Write a name of a-z, 0-9 and - that begins with a letter, at most 40 long, such as migrate." },
  processes: {
    what: "a process",
    fix: "Write a name of a-z, 0-9 and - that begins with a letter, at most 30 long, such as worker.",
  },
};

/** Puts what zod found into words: what stands there, what was expected, and an example from the schema itself. */
export function toFindings(issue: ShapeIssue, { value, schema: root, findingsMax }: Context): readonly Finding[] {
  const { path } = issue;
  const schema = schemaAt(root, path);
  if (issue.code === "unrecognized_keys") {
    const known = Object.keys(schema?.properties ?? {});
    return (issue.keys ?? []).slice(0, findingsMax).map((key) => unknownKey({ parent: path, key, known }));
  }
  if (issue.code === "invalid_key") {
    if (path[0] === "checks" && path.length === 3)
      return [
        { path, about: "key", message: "this cannot be the name of a check", fix: "Write the name as `belay check` shows it." },
      ];
    const { what, fix } = path[2] === "config" ? variableName : (nameWords[String(path[0])] ?? environmentName);
    return [{ path, about: "key", message: `this cannot be the name of ${what}`, fix }];
  }
  const found = valueAt(value, path);
  if (found === undefined) return [missing(path, schema)];
  const expected = schema?.title ?? "another value";
  const example = schema?.examples?.[0];
  const fix =
    example === undefined || expected.endsWith(String(example))
      ? `Write ${expected}.`
      : `Write ${expected}, such as ${String(example)}.`;
  const message = isOwnWording(issue)
    ? `${describeSubject(found)} ${issue.message}`
    : `found ${describeValue(found)} where ${expected} is expected`;
  return [{ path, about: "value", message, fix }];
}

/** The schema's own sentences start with a verb ("is too short"), zod's with "Invalid" or "Too". */
function isOwnWording(issue: ShapeIssue): boolean {
  return ["custom", "too_small", "too_big"].includes(issue.code) && /^(is|has) /.test(issue.message);
}

function missing(path: Path, schema: JsonSchema | undefined): Finding {
  if (path.length === 0)
    return { path, about: "value", message: "the file is empty", fix: "Write at least version, service, run and environments." };
  const parent = path.length === 1 ? "at the top level" : `in ${describePath(path.slice(0, -1))}`;
  const fix = `Write ${String(path.at(-1))}: ${String(schema?.examples?.[0] ?? "...")} ${parent}.`;
  return { path, about: "value", message: "this key is missing", fix };
}

function unknownKey({
  parent,
  key,
  known,
}: {
  readonly parent: Path;
  readonly key: string;
  readonly known: readonly string[];
}): Finding {
  const meant = nearest(key, known);
  const fix = meant === undefined ? `Remove it; the keys known here are ${known.join(", ")}.` : `Did you mean ${meant}?`;
  return { path: [...parent, key], about: "key", message: "this key is not known to this version of Belay", fix };
}

function schemaAt(root: JsonSchema, path: Path): JsonSchema | undefined {
  let schema: JsonSchema | undefined = root;
  for (const key of path) {
    if (typeof key === "number") schema = schema?.items;
    else if (schema?.properties !== undefined)
      schema = Object.hasOwn(schema.properties, key) ? schema.properties[String(key)] : undefined;
    else schema = typeof schema?.additionalProperties === "object" ? schema.additionalProperties : undefined;
  }
  return schema;
}

function valueAt(value: unknown, path: Path): unknown {
  let inner = value;
  for (const key of path) {
    if (typeof inner !== "object" || inner === null || !Object.hasOwn(inner, key)) return undefined;
    inner = (inner as Record<PropertyKey, unknown>)[key];
  }
  return inner === null && path.length === 0 ? undefined : inner;
}

function describeValue(value: unknown): string {
  if (value === null) return "nothing";
  if (Array.isArray(value)) return value.length === 0 ? "an empty list" : "a list";
  if (typeof value === "object") return "a map of keys";
  return typeof value === "string" ? `"${printable(value, 64)}"` : String(value);
}

function describeSubject(value: unknown): string {
  if (Array.isArray(value)) return "the list";
  return typeof value === "object" ? "the map" : describeValue(value);
}
