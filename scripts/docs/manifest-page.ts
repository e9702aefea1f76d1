/** The parts of a JSON Schema that the page of the manifest shows. */
interface Schema {
  readonly type?: string;
  readonly title?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly examples?: readonly unknown[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly additionalProperties?: Schema | boolean;
}

/** A table of every key of belay.yml, in the order of the schema. */
export function describeManifest(schema: object): string {
  return [
    "# belay.yml",
    "",
    "Every key, from the same source as the checks and [the JSON Schema](../../schema/belay.schema.json). The file is strict: an unknown key",
    "is an error, with what was probably meant. For the common cases see [the manifest by example](../manifest-by-example.md).",
    "",
    "Durations are `500ms`, `30s`, `5m`, `1h`; percentages carry their sign; sizes are `512MB` or `1GiB`.",
    "",
    "| key | value | default | what it is |",
    "| --- | --- | --- | --- |",
    ...rowsOf(schema, ""),
    "",
  ].join("\n");
}

function rowsOf(schema: Schema, prefix: string): readonly string[] {
  const rows = Object.entries(schema.properties ?? {}).flatMap(([name, child]) => {
    const key = prefix === "" ? name : `${prefix}.${name}`;
    const isRequired = schema.required?.includes(name) === true && child.default === undefined;
    return [rowOf(key, child, isRequired), ...below(child, key)];
  });
  return rows;
}

/** Rows of what lies inside a value: keys of a map, items of a list, entries with names that the user chooses. */
function below(schema: Schema, key: string): readonly string[] {
  if (schema.items !== undefined) return rowsOf(schema.items, `${key}[]`);
  const own = rowsOf(schema, key);
  const entries = typeof schema.additionalProperties === "object" ? rowsOf(schema.additionalProperties, `${key}.<name>`) : [];
  return [...own, ...entries];
}

function rowOf(key: string, schema: Schema, isRequired: boolean): string {
  const example = schema.examples?.[0];
  const value = [schema.title ?? schema.type ?? "", example === undefined ? "" : `\`${String(example)}\``]
    .filter((part) => part !== "")
    .join(", ");
  return `| ${[`\`${key}\``, value, isRequired ? "required" : describeDefault(schema.default), schema.description ?? ""].map(cell).join(" | ")} |`;
}

function describeDefault(value: unknown): string {
  if (value === undefined) return "";
  if (Array.isArray(value)) return `\`[${value.map(inline).join(", ")}]\``;
  if (typeof value === "object" && value !== null) return "";
  return `\`${String(value)}\``;
}

/** A value as YAML would have it on one line. */
function inline(value: unknown): string {
  if (typeof value !== "object" || value === null) return String(value);
  const pairs = Object.entries(value).map(([name, inner]) => `${name}: ${inline(inner)}`);
  return `{ ${pairs.join(", ")} }`;
}

function cell(text: string): string {
  return text.replaceAll("|", "\\|").replaceAll("\n", " ");
}
