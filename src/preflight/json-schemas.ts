import { type ApiDocument, isMap, type Json, type JsonMap, listOf, mapOf } from "./openapi-document.ts";

/** Keywords that hold a schema, a list of schemas, or schemas by name. Everything else in a schema is no schema. */
const holdsOne = new Set([
  "items",
  "additionalProperties",
  "additionalItems",
  "not",
  "if",
  "then",
  "else",
  "contains",
  "propertyNames",
  "unevaluatedItems",
  "unevaluatedProperties",
]);
const holdsList = new Set(["allOf", "anyOf", "oneOf", "prefixItems"]);
const holdsNamed = new Set(["properties", "patternProperties", "$defs", "definitions", "dependentSchemas"]);
/** Words for people and for generators of code, which say nothing of what is valid. */
const leftOut = new Set(["example", "examples", "default", "xml", "externalDocs", "discriminator", "description", "title"]);

/** Where the document itself is known to a validator. */
export const documentId = "https://belay.invalid/openapi";

/** A schema of the document as JSON Schema 2020-12, for what a service answers. References lead into `toSchemaDocument`. */
export function toJsonSchema(schema: Json, document: Pick<ApiDocument, "isBefore31" | "resolve">): Json {
  if (!isMap(schema)) return schema;
  const reference = schema["$ref"];
  const refers =
    typeof reference === "string" ? { $ref: reference.startsWith("#") ? `${documentId}${reference}` : reference } : {};
  // Before 3.1 nothing counts beside a reference.
  if (document.isBefore31 && typeof reference === "string") return refers;
  const convert = (inner: Json) => toJsonSchema(inner, document);
  const entries = Object.entries(schema).flatMap(([key, value]): readonly (readonly [string, Json])[] => {
    if (leftOut.has(key) || key === "$ref") return [];
    if (holdsOne.has(key)) return [[key, convert(value)]];
    if (holdsList.has(key)) return [[key, listOf(value).map(convert)]];
    if (holdsNamed.has(key)) return [[key, mapValues(mapOf(value), convert)]];
    if (key === "required") return [[key, requiredInAnswers(schema, document)]];
    return [[key, value]];
  });
  const converted = { ...Object.fromEntries(entries), ...refers };
  return document.isBefore31 ? fromOldDialect(converted) : converted;
}

/** The document with each schema in it converted, for references to lead into. What else it holds is left as it is. */
export function toSchemaDocument(document: ApiDocument): JsonMap {
  const walk = (value: Json): Json => {
    if (Array.isArray(value)) return value.map(walk);
    if (!isMap(value)) return value;
    const entries = Object.entries(value).flatMap(([key, inner]): readonly (readonly [string, Json])[] => {
      // Examples may hold anything, also what looks like a schema with an address of its own.
      if (key === "example" || key === "examples") return [];
      if (key === "schema") return [[key, toJsonSchema(inner, document)]];
      if (key === "schemas") return [[key, mapValues(mapOf(inner), (schema) => toJsonSchema(schema, document))]];
      return [[key, walk(inner)]];
    });
    return Object.fromEntries(entries);
  };
  const { components = {}, paths = {} } = document.root;
  return { components: walk(components), paths: walk(paths) };
}

/** What is only written to a service need not be in what it answers. */
function requiredInAnswers(schema: JsonMap, { resolve }: Pick<ApiDocument, "resolve">): readonly Json[] {
  const properties = mapOf(schema["properties"]);
  const isWriteOnly = (name: Json) =>
    typeof name === "string" && Object.hasOwn(properties, name) && resolve(properties[name])["writeOnly"] === true;
  return listOf(schema["required"]).filter((name) => !isWriteOnly(name));
}

function fromOldDialect(schema: JsonMap): JsonMap {
  const { nullable, exclusiveMinimum, exclusiveMaximum, ...others } = schema;
  const { minimum, maximum, ...rest } = others;
  const lower = limit({ exclusive: exclusiveMinimum, bound: minimum, open: "exclusiveMinimum", closed: "minimum" });
  const upper = limit({ exclusive: exclusiveMaximum, bound: maximum, open: "exclusiveMaximum", closed: "maximum" });
  const own: JsonMap = { ...rest, ...lower, ...upper };
  return nullable === true ? { anyOf: [{ type: "null" }, own] } : own;
}

function limit(options: {
  readonly exclusive: Json | undefined;
  readonly bound: Json | undefined;
  readonly open: string;
  readonly closed: string;
}): JsonMap {
  const { exclusive, bound, open, closed } = options;
  if (bound === undefined) return {};
  return { [exclusive === true ? open : closed]: bound };
}

function mapValues(map: JsonMap, convert: (value: Json) => Json): JsonMap {
  return Object.fromEntries(Object.entries(map).map(([key, value]) => [key, convert(value)]));
}
