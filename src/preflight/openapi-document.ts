import { LineCounter, parseDocument } from "yaml";

const methods = ["get", "put", "post", "delete", "options", "head", "patch", "trace"] as const;

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
export type JsonMap = { readonly [key: string]: Json };

/** A description of an HTTP API, OpenAPI 3.0 or 3.1, as far as it is compared. */
export interface ApiDocument {
  readonly operations: readonly Operation[];
  readonly root: JsonMap;
  /** 3.0, whose schemas are a dialect of their own. */
  readonly isBefore31: boolean;
  /** What a local reference leads to; anything else as it is. A reference that leads nowhere is an empty map. */
  resolve(value: Json | undefined): JsonMap;
}

export interface Operation {
  /** `GET /users/{id}`, as written. */
  readonly name: string;
  readonly method: (typeof methods)[number];
  /** The same for every name of a path's parameters. */
  readonly key: string;
  readonly path: string;
  readonly line: number;
  readonly parameters: readonly Json[];
  readonly body: JsonMap;
}

/** More than a description of a service has; a longer one keeps the check from nothing but time. */
const bytesMax = 4 * 1024 * 1024;
const referencesMax = 20;

/** In words what keeps a text from being a description that can be compared. */
export type ParsedApi = { readonly document: ApiDocument } | { readonly problem: string };

export function parseApiDocument(text: string): ParsedApi {
  if (text.length > bytesMax) return { problem: "it has more than 4 MB" };
  const lines = new LineCounter();
  const yaml = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const [error] = yaml.errors;
  if (error !== undefined) {
    const { line, col } = lines.linePos(error.pos[0]);
    return { problem: `line ${line}, column ${col}: ${error.message}` };
  }
  const root = toTree(() => yaml.toJS({ maxAliasCount: 100 }));
  if (root === undefined) return { problem: "its aliases lead nowhere, hold themselves, or make too much of it" };
  if (!isMap(root)) return { problem: "it is no map of keys" };
  const version = root["openapi"];
  if (typeof version !== "string" || !/^3\.[01](\.\d+)?$/.test(version))
    return {
      problem: `it says ${version === undefined ? "no version of OpenAPI" : `openapi: ${String(version)}`}; 3.0 and 3.1 are known`,
    };
  const lineOf = (path: readonly string[]) => {
    const node = yaml.getIn(path, true) as { readonly range?: readonly number[] } | undefined;
    return node?.range?.[0] === undefined ? 1 : lines.linePos(node.range[0]).line;
  };
  const resolve = (value: Json | undefined) => followReferences(root, value);
  const operations = Object.entries(mapOf(root["paths"])).flatMap(([path, written]) => {
    const item = resolve(written);
    return methods.flatMap((method): readonly Operation[] => {
      if (!isMap(item[method])) return [];
      const body = mapOf(item[method]);
      const parameters = [...listOf(item["parameters"]), ...listOf(body["parameters"])];
      const key = `${method} ${path.replaceAll(/\{[^{}]*\}/g, "{}")}`;
      return [
        { method, name: `${method.toUpperCase()} ${path}`, key, path, line: lineOf(["paths", path, method]), parameters, body },
      ];
    });
  });
  return { document: { operations, root, isBefore31: version.startsWith("3.0"), resolve } };
}

function followReferences(root: JsonMap, value: Json | undefined): JsonMap {
  let at: Json | undefined = value;
  for (let steps = 0; steps < referencesMax; steps += 1) {
    const reference = mapOf(at)["$ref"];
    if (typeof reference !== "string") return mapOf(at);
    if (!reference.startsWith("#/")) return {};
    at = reference
      .slice(2)
      .split("/")
      .map(decodePart)
      .reduce<Json | undefined>(
        (inside, part) => (isMap(inside) && Object.hasOwn(inside, part) ? inside[part] : undefined),
        root,
      );
  }
  return {};
}

/**
 * A tree of its own for each place: what aliases made of one map in many places, or of a map in itself, would keep a walk from
 * ending. The yaml library says by a ReferenceError that an alias leads nowhere or that they are too many, and JSON by a TypeError that something holds itself.
 */
function toTree(read: () => unknown): Json | undefined {
  try {
    return JSON.parse(JSON.stringify(read()) ?? "null") as Json;
  } catch (cause) {
    if (cause instanceof ReferenceError || cause instanceof TypeError) return undefined;
    throw cause;
  }
}

/** A part that was not encoded as it should be is taken as it stands. */
function decodePart(part: string): string {
  try {
    return decodeURIComponent(part).replaceAll("~1", "/").replaceAll("~0", "~");
  } catch (cause) {
    if (cause instanceof URIError) return part;
    throw cause;
  }
}

export function isMap(value: Json | undefined): value is JsonMap {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function mapOf(value: Json | undefined): JsonMap {
  return isMap(value) ? value : {};
}

export function listOf(value: Json | undefined): readonly Json[] {
  return Array.isArray(value) ? value : [];
}
