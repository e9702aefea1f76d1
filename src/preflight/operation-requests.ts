import { type ApiDocument, isMap, type Json, type JsonMap, listOf, mapOf, type Operation } from "./openapi-document.ts";

/** How an operation is asked, or why it is not. */
export type OperationRequest =
  | {
      readonly kind: "asked";
      readonly operation: Operation;
      readonly method: "GET" | "HEAD";
      readonly path: string;
      readonly headers: Readonly<Record<string, string>>;
    }
  | {
      readonly kind: "left-out";
      readonly operation: Operation;
      readonly why: string;
      /** What would have it asked, where the document can say it; null where it is meant to be left out. */
      readonly fix: string | null;
    };

/** Reads what an operation is asked with from the document alone: its examples, its defaults and its only values. */
export function toRequest(document: ApiDocument, operation: Operation, skip: readonly string[]): OperationRequest {
  const leftOut = (why: string, fix: string | null = null) => ({ kind: "left-out", operation, why, fix }) as const;
  if (operation.method !== "get" && operation.method !== "head") return leftOut("has effects");
  if (skip.includes(operation.name)) return leftOut("is left out by checks.api.skip");
  if (needsCredentials(document, operation)) return leftOut("needs credentials");
  if (document.resolve(operation.body["requestBody"])["required"] === true) return leftOut("needs a request body");
  const given = parametersOf(document, operation).map((parameter) => toGiven(document, parameter));
  const missing = given.find((each) => each.kind === "missing");
  if (missing?.kind === "missing")
    return leftOut(`has no value for ${missing.what}`, `Write an example for ${missing.what} that staging knows.`);
  const written = given.filter((each) => each.kind === "written");
  const path = fillPath(operation.path, written);
  if (path === null) return leftOut("has a path whose parameters are not all declared", "Declare each parameter of the path.");
  const query = written.filter((each) => each.place === "query").map(({ text }) => text);
  const cookies = written.filter((each) => each.place === "cookie").map(({ text }) => text);
  const headers = written.filter((each) => each.place === "header").map(({ name, text }) => [name.toLowerCase(), text] as const);
  const own = Object.fromEntries(headers);
  return {
    kind: "asked",
    operation,
    method: operation.method === "get" ? "GET" : "HEAD",
    path: `${basePath(document, operation)}${path}${query.length === 0 ? "" : `?${query.join("&")}`}`,
    headers: {
      accept: acceptedTypes(document, operation),
      ...own,
      ...(cookies.length === 0 ? {} : { cookie: cookies.join("; ") }),
    },
  };
}

/** Parameters of the path hold for the operation too, unless it has one of that name itself. */
function parametersOf(document: ApiDocument, { parameters }: Operation): readonly JsonMap[] {
  const byName = new Map(
    parameters.map((written) => {
      const parameter = document.resolve(written);
      return [`${String(parameter["in"])} ${String(parameter["name"])}`, parameter] as const;
    }),
  );
  return [...byName.values()];
}

type Given =
  | { readonly kind: "written"; readonly place: string; readonly name: string; readonly text: string }
  | { readonly kind: "missing"; readonly what: string }
  | { readonly kind: "none" };

/** Headers that the document is not asked for. */
const ownHeaders = ["accept", "content-type", "authorization"];

function toGiven(document: ApiDocument, parameter: JsonMap): Given {
  const [place, name] = [String(parameter["in"]), String(parameter["name"])];
  if (parameter["required"] !== true && place !== "path") return { kind: "none" };
  if (place === "header" && ownHeaders.includes(name.toLowerCase())) return { kind: "none" };
  const missing = { kind: "missing", what: `the parameter ${name} (${place})` } as const;
  const value = exampleOf(document, parameter);
  if (value === undefined) return missing;
  const text = write(parameter, place, name, value);
  return text === null ? missing : { kind: "written", place, name, text };
}

function exampleOf(document: ApiDocument, parameter: JsonMap): Json | undefined {
  const schema = document.resolve(parameter["schema"]);
  const first = Object.values(mapOf(parameter["examples"]))[0];
  const candidates = [
    parameter["example"],
    document.resolve(first)["value"],
    schema["example"],
    listOf(schema["examples"])[0],
    schema["default"],
    schema["const"],
    listOf(schema["enum"])[0],
  ];
  return candidates.find((value) => value !== undefined);
}

/** Null for what has no common form in an address. */
function write(parameter: JsonMap, place: string, name: string, value: Json): string | null {
  if (isMap(value) || value === null) return null;
  const parts = (Array.isArray(value) ? value : [value]).map((part: Json) => (typeof part === "object" ? null : String(part)));
  const texts = parts.filter((part) => part !== null);
  const { style = place === "query" || place === "cookie" ? "form" : "simple", explode = style === "form" } = parameter;
  if (texts.length < parts.length || (texts.length === 0 && place !== "query")) return null;
  if (place === "header") return style === "simple" && isHeader(name, texts.join(",")) ? texts.join(",") : null;
  const encoded = texts.map(encodeURIComponent);
  if (place === "path") return style === "simple" && encoded.join(",") !== "" ? encoded.join(",") : null;
  const key = encodeURIComponent(name);
  if (style !== "form" || (place !== "query" && place !== "cookie")) return null;
  if (place === "cookie") return encoded.length === 1 ? `${key}=${encoded.join()}` : null;
  return explode === true ? encoded.map((each) => `${key}=${each}`).join("&") : `${key}=${encoded.join(",")}`;
}

function isHeader(name: string, text: string): boolean {
  return /^[!#$%&'*+.^_`|~\w-]{1,100}$/.test(name) && /^[\x20-\x7e]{0,2000}$/.test(text);
}

function fillPath(path: string, written: readonly (Given & { readonly kind: "written" })[]): string | null {
  let isWhole = true;
  const filled = path.replaceAll(/\{([^{}]*)\}/g, (_, name: string) => {
    const found = written.find((each) => each.place === "path" && each.name === name);
    isWhole &&= found !== undefined;
    return found?.text ?? "";
  });
  return isWhole && /^\/[\x21-\x7e]{0,4000}$/.test(filled) && !filled.includes("#") ? filled : null;
}

/** Of the first server alone: an instance has no other name in staging. */
function basePath({ root }: ApiDocument, { body }: Operation): string {
  const servers = listOf(body["servers"]).length > 0 ? listOf(body["servers"]) : listOf(root["servers"]);
  const server = mapOf(servers[0]);
  const variables = mapOf(server["variables"]);
  const url = String(server["url"] ?? "/").replaceAll(/\{([^{}]*)\}/g, (_, name: string) =>
    String(mapOf(variables[name])["default"] ?? name),
  );
  return URL.canParse(url, "http://instance/") ? new URL(url, "http://instance/").pathname.replace(/\/+$/, "") : "";
}

function needsCredentials({ root }: ApiDocument, { body }: Operation): boolean {
  const schemes = listOf(body["security"] ?? root["security"]);
  return schemes.length > 0 && schemes.every((scheme) => Object.keys(mapOf(scheme)).length > 0);
}

function acceptedTypes(document: ApiDocument, { body }: Operation): string {
  const good = Object.entries(mapOf(body["responses"])).filter(([status]) => status.startsWith("2"));
  const types = good.flatMap(([, response]) => Object.keys(mapOf(document.resolve(response)["content"])));
  const known = types.filter((type) => /^[\w!#$&^.+*-]+\/[\w!#$&^.+*-]+$/.test(type));
  return known.length === 0 ? "*/*" : [...new Set(known)].slice(0, 20).join(", ");
}
