import type { CheckFinding } from "../rollout/check-result.ts";
import { type ApiDocument, type Json, type JsonMap, mapOf, type Operation } from "./openapi-document.ts";
import { type Change, compareSchemas, type Direction } from "./schema-compatibility.ts";

type Found = Pick<CheckFinding, "rule" | "level" | "message" | "line">;

/** What a client that was written for the one document meets with the other. */
export function compareApis(from: ApiDocument, to: ApiDocument): readonly Found[] {
  const now = new Map(to.operations.map((operation) => [operation.key, operation]));
  const paths = new Set(to.operations.map(({ key }) => key.slice(key.indexOf(" "))));
  return from.operations.flatMap((before): readonly Found[] => {
    const after = now.get(before.key);
    if (after !== undefined) return compareOperations({ from, to, before, after });
    const isPathThere = paths.has(before.key.slice(before.key.indexOf(" ")));
    const rule = isPathThere ? "removed-operation" : "removed-path";
    return [{ rule, level: "fail", message: `${before.name} is there no more` }];
  });
}

interface Operations {
  readonly from: ApiDocument;
  readonly to: ApiDocument;
  readonly before: Operation;
  readonly after: Operation;
}

function compareOperations(operations: Operations): readonly Found[] {
  const { after } = operations;
  return [...compareParameters(operations), ...compareRequests(operations), ...compareResponses(operations)].map((found) => ({
    ...found,
    message: `${after.name}: ${found.message}`,
    line: after.line,
  }));
}

function compareParameters({ from, to, before, after }: Operations): readonly Found[] {
  const [old, now] = [parametersOf(from, before), parametersOf(to, after)];
  const changed = [...old].flatMap(([key, parameter]): readonly Found[] => {
    const next = now.get(key);
    if (next === undefined) return [{ rule: "removed-parameter", level: "warn", message: `${key} is there no more` }];
    const changes = schemas(parameter, next, { from, to, direction: "sent" });
    return toFound(changes, "narrowed-parameter", key);
  });
  const required = [...now].flatMap(([key, parameter]): readonly Found[] => {
    // A path without its parameter would be another path.
    if (parameter["required"] !== true || old.get(key)?.["required"] === true || parameter["in"] === "path") return [];
    return [{ rule: "required-parameter", level: "fail", message: `${key} is required now` }];
  });
  return [...changed, ...required];
}

/** By `query limit`; a parameter of the path by where it stands, since its name is nobody's business but the document's. */
function parametersOf(document: ApiDocument, { parameters, path }: Operation): ReadonlyMap<string, JsonMap> {
  const inPath = [...path.matchAll(/\{([^{}]*)\}/g)].map(([, name]) => name);
  return new Map(
    parameters.map((written) => {
      const parameter = document.resolve(written);
      const name = String(parameter["name"]);
      const place = parameter["in"] === "path" ? `${inPath.indexOf(name) + 1}` : name;
      return [`parameter ${place} (${String(parameter["in"])})`, parameter] as const;
    }),
  );
}

function compareRequests({ from, to, before, after }: Operations): readonly Found[] {
  const [old, now] = [from.resolve(before.body["requestBody"]), to.resolve(after.body["requestBody"])];
  const isRequiredNow = now["required"] === true && old["required"] !== true;
  const required: readonly Found[] = isRequiredNow
    ? [{ rule: "narrowed-request", level: "fail", message: "a request body is required now" }]
    : [];
  const { gone, kept } = media(old, now);
  return [
    ...required,
    ...(Object.keys(now).length === 0 ? [] : gone).map(
      (type): Found => ({ rule: "narrowed-request", level: "fail", message: `${type} is accepted no more` }),
    ),
    ...kept.flatMap(([previous, next]) =>
      toFound(schemas(previous, next, { from, to, direction: "sent" }), "narrowed-request", "the request"),
    ),
  ];
}

function compareResponses({ from, to, before, after }: Operations): readonly Found[] {
  const [old, now] = [mapOf(before.body["responses"]), mapOf(after.body["responses"])];
  return Object.entries(old).flatMap(([status, written]): readonly Found[] => {
    const range = `${status.slice(0, 1)}XX`;
    const next = now[status] ?? now[range] ?? now["default"];
    // What was said of failures is no promise that there will be such.
    if (next === undefined)
      return /^[23]/.test(status) ? [{ rule: "removed-response", level: "fail", message: `${status} is answered no more` }] : [];
    const { gone, kept } = media(from.resolve(written), to.resolve(next));
    return [
      ...gone.map((type): Found => ({ rule: "removed-response", level: "fail", message: `${status} has no ${type} any more` })),
      ...kept.flatMap(([previous, present]) =>
        toFound(schemas(previous, present, { from, to, direction: "received" }), "narrowed-response", `in ${status}`),
      ),
    ];
  });
}

function media(
  old: JsonMap,
  now: JsonMap,
): { readonly gone: readonly string[]; readonly kept: readonly (readonly [JsonMap, JsonMap])[] } {
  const [before, after] = [mapOf(old["content"]), mapOf(now["content"])];
  const nextOf = (type: string) => after[type] ?? after[`${type.split("/")[0]}/*`] ?? after["*/*"];
  const pairs = Object.entries(before).map(([type, content]) => [type, mapOf(content), nextOf(type)] as const);
  return {
    gone: pairs.flatMap(([type, , next]) => (next === undefined ? [type] : [])),
    kept: pairs.flatMap(([, content, next]) => (next === undefined ? [] : [[content, mapOf(next)] as const])),
  };
}

function schemas(
  before: JsonMap,
  after: JsonMap,
  around: { readonly from: ApiDocument; readonly to: ApiDocument; readonly direction: Direction },
): readonly Change[] {
  const schemaOf = (holder: JsonMap): Json | undefined => holder["schema"];
  return compareSchemas(schemaOf(before), schemaOf(after), around);
}

function toFound(changes: readonly Change[], rule: string, where: string): readonly Found[] {
  return changes.map(({ what, isBreaking }) => ({ rule, level: isBreaking ? "fail" : "warn", message: `${where}: ${what}` }));
}
