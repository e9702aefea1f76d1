import { posix } from "node:path";
import type { Answer } from "./answer-contract.ts";
import { type ApiDocument, isMap, type Json, type JsonMap, listOf, mapOf, type Operation } from "./openapi-document.ts";

/** An answer that was recorded for a mock. */
export interface Recording {
  /** As the file calls it. */
  readonly name: string;
  /** Null when the document has none of that name. */
  readonly operation: Operation | null;
  readonly answer: Answer;
}

const foldersMax = 20;

/**
 * What a file records. A Postman collection holds its saved examples; any other JSON is the body that its name tells the operation of:
 * `getPet.json`, `getPet.404.json`, or `get-pets-petId.200.json` where the document gives the operation no id.
 */
export function readRecordings(
  path: string,
  text: string,
  document: ApiDocument,
): { readonly recordings: readonly Recording[] } | { readonly problem: string } {
  const parsed = parse(text);
  if (parsed === undefined) return { problem: "it is no JSON, or has more than 16 MB" };
  if (isMap(parsed) && /getpostman\.com\/json\/collection\//.test(String(mapOf(parsed["info"])["schema"])))
    return { recordings: examplesOf(parsed, document) };
  const [, name = "", status = "200"] = /^(.*?)(?:\.([1-5]\d\d))?\.json$/i.exec(posix.basename(path)) ?? [];
  const operation = document.operations.find((each) => each.body["operationId"] === name || plainName(each) === name) ?? null;
  const body = Buffer.from(text);
  return { recordings: [{ name, operation, answer: { status: Number(status), contentType: null, headers: null, body } }] };
}

/** `get-pets-petId` for `GET /pets/{petId}`. */
function plainName({ method, path }: Operation): string {
  return [method, ...path.split(/[^A-Za-z0-9_]+/)].filter((part) => part !== "").join("-");
}

function examplesOf(collection: JsonMap, document: ApiDocument): readonly Recording[] {
  return itemsOf(collection, 0).flatMap((item) =>
    listOf(item["response"]).map((written): Recording => {
      const example = mapOf(written);
      const asked = isMap(example["originalRequest"]) ? example["originalRequest"] : mapOf(item["request"]);
      const name = [item["name"], example["name"]].filter((part) => typeof part === "string").join(" / ");
      return { name, operation: operationOf(asked, document), answer: answerOf(example) };
    }),
  );
}

/** Requests of a collection, through its folders. */
function itemsOf(holder: JsonMap, depth: number): readonly JsonMap[] {
  if (depth > foldersMax) return [];
  return listOf(holder["item"]).flatMap((written) => {
    const item = mapOf(written);
    return Array.isArray(item["item"]) ? itemsOf(item, depth + 1) : [item];
  });
}

function answerOf(example: JsonMap): Answer {
  const headers = listOf(example["header"])
    .map(mapOf)
    .map(({ key, value }) => [String(key).toLowerCase(), String(value)] as const);
  const known = Object.fromEntries(headers);
  const { code, body } = example;
  return {
    status: typeof code === "number" ? code : 0,
    // What was not recorded is not held against it.
    contentType: known["content-type"] ?? null,
    headers: headers.length === 0 ? null : known,
    body: Buffer.from(typeof body === "string" ? body : ""),
  };
}

/** The one whose path fits best: `/pets/mine` before `/pets/{id}`. A base path of the address is passed over. */
function operationOf(request: JsonMap, { operations }: ApiDocument): Operation | null {
  const method = String(request["method"] ?? "GET").toLowerCase();
  const asked = pathOf(request["url"]);
  const fitting = operations
    .filter((operation) => operation.method === method && fits(operation.path, asked))
    .toSorted((a, b) => rank(b) - rank(a));
  return fitting[0] ?? null;
}

/** The longest path first, then the one with the fewest parameters. */
function rank({ path }: Operation): number {
  return segments(path).length * 1_000 - segments(path).filter(isParameter).length;
}

function fits(path: string, asked: readonly string[]): boolean {
  const wanted = segments(path);
  const end = asked.slice(Math.max(0, asked.length - wanted.length));
  return wanted.length === end.length && wanted.every((part, index) => isParameter(part) || part === end[index]);
}

function isParameter(segment: string): boolean {
  return segment.includes("{");
}

function pathOf(url: Json | undefined): readonly string[] {
  const parts = mapOf(url)["path"];
  if (Array.isArray(parts))
    return parts.map((part: Json) => String(isMap(part) ? part["value"] : part)).filter((part) => part !== "");
  const raw = typeof url === "string" ? url : String(mapOf(url)["raw"] ?? "");
  return segments(raw.replace(/^(\{\{[^}]*\}\}|[a-z]+:\/\/[^/]*)/i, "").replace(/[?#].*$/s, ""));
}

function segments(path: string): readonly string[] {
  return path.split("/").filter((part) => part !== "");
}

function parse(text: string): Json | undefined {
  try {
    return JSON.parse(text) as Json;
  } catch (cause) {
    if (cause instanceof SyntaxError) return undefined;
    throw cause;
  }
}
