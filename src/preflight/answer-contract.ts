import { runWithin } from "../ports/bounded-time.ts";
import type { CheckFinding } from "../rollout/check-result.ts";
import { documentId, toJsonSchema, toSchemaDocument } from "./json-schemas.ts";
import { type ApiDocument, type Json, type JsonMap, mapOf, type Operation } from "./openapi-document.ts";

/** An answer of a service, or one that was recorded for a mock of it. */
export interface Answer {
  readonly status: number;
  /** As the header says it; null for a recording that holds none, undefined where there was none. */
  readonly contentType: string | null | undefined;
  /** Names in lower case; null for a recording that holds none. */
  readonly headers: Readonly<Record<string, unknown>> | null;
  readonly body: Uint8Array;
  readonly isHead?: boolean;
}

/** What is wrong with an answer. */
export type Mismatch = Pick<CheckFinding, "rule" | "level" | "message" | "fix">;

export interface Contract {
  /** What the answer has otherwise than the document says of the operation. */
  judge(operation: Operation, answer: Answer): readonly Mismatch[];
}

/** More than a check of one answer takes; what takes longer is a pattern that has no end. */
const judgeMsMax = 1_000;
const asDocumented = "Let the service answer as the document says, or write in the document what it answers.";

/** The document as something that answers are held against. */
export async function openContract(document: ApiDocument): Promise<Contract> {
  const validate = await openValidator(document);
  return {
    judge: (operation, answer) => {
      const declared = declaredAnswer(operation, answer.status);
      if (declared === null) {
        const known = Object.keys(mapOf(operation.body["responses"])).join(", ");
        const message = `${answer.status} was answered, and the document knows ${known === "" ? "no answer" : known}`;
        return [{ rule: "undeclared-status", level: "fail", message, fix: asDocumented }];
      }
      const response = document.resolve(declared.response);
      const own = declared.isDefault && answer.status < 400 ? [onlyByDefault(answer.status)] : [];
      return [...own, ...judgeHeaders(document, response, answer), ...judgeBody(response, answer, validate)];
    },
  };
}

function onlyByDefault(status: number): Mismatch {
  const message = `${status} is known by \`default\` alone, which says the same of every failure`;
  return { rule: "only-default", level: "warn", message, fix: `Write a response for "${status}" in the document.` };
}

function declaredAnswer(
  { body }: Operation,
  status: number,
): { readonly response: Json | undefined; readonly isDefault: boolean } | null {
  const responses = mapOf(body["responses"]);
  const key = [String(status), `${String(status).slice(0, 1)}XX`].find((name) => Object.hasOwn(responses, name));
  if (key !== undefined) return { response: responses[key], isDefault: false };
  return Object.hasOwn(responses, "default") ? { response: responses["default"], isDefault: true } : null;
}

function judgeHeaders({ resolve }: ApiDocument, response: JsonMap, { headers }: Answer): readonly Mismatch[] {
  if (headers === null) return [];
  return Object.entries(mapOf(response["headers"])).flatMap(([name, header]): readonly Mismatch[] => {
    if (resolve(header)["required"] !== true || Object.hasOwn(headers, name.toLowerCase())) return [];
    return [{ rule: "missing-header", level: "fail", message: `the header ${name} is missing`, fix: asDocumented }];
  });
}

function judgeBody(response: JsonMap, answer: Answer, validate: Validate): readonly Mismatch[] {
  const content = Object.entries(mapOf(response["content"]));
  const isEmpty = answer.body.length === 0;
  if (content.length === 0) {
    if (isEmpty || answer.isHead === true) return [];
    const message = `${answer.status} has a body, of which the document says nothing`;
    return [{ rule: "undeclared-body", level: "warn", message, fix: "Write its content in the document." }];
  }
  const type = answer.contentType === null ? firstJson(content) : mediaTypeOf(answer.contentType);
  const declared = content.filter(([range]) => covers(range, type)).toSorted(([a], [b]) => stars(a) - stars(b))[0];
  if (declared === undefined) {
    const known = content.map(([range]) => range).join(", ");
    const message = `${answer.status} came as ${type === "" ? "nothing that says its content type" : type}, and the document knows ${known}`;
    return [{ rule: "undeclared-type", level: "fail", message, fix: asDocumented }];
  }
  if (answer.isHead === true || !isJson(type)) return [];
  const parsed = parseJson(answer.body);
  if (parsed === undefined)
    return [{ rule: "no-json", level: "fail", message: `${answer.status} came as ${type} and is no JSON`, fix: asDocumented }];
  const schema = mapOf(declared[1])["schema"];
  return schema === undefined
    ? []
    : validate(schema, parsed.value).map((found) => ({ ...found, message: `in ${answer.status}: ${found.message}` }));
}

type Validate = (schema: Json, value: unknown) => readonly Mismatch[];

/** Loaded when it is needed: most checks are without it. */
async function openValidator(document: ApiDocument): Promise<Validate> {
  const [{ Ajv2020 }, { default: addFormats }] = await Promise.all([import("ajv/dist/2020.js"), import("ajv-formats")]);
  // A document is not written for this validator: words that it does not know are for others.
  const ajv = new Ajv2020({ strict: false, logger: false, validateSchema: false });
  addFormats.default(ajv);
  const compiled = new Map<Json, ReturnType<typeof ajv.compile>>();
  return (schema, value) => {
    try {
      const judged = runWithin(judgeMsMax, () => {
        if (compiled.size === 0) ajv.removeSchema(documentId).addSchema(toSchemaDocument(document), documentId);
        const validate = compiled.get(schema) ?? ajv.compile(toJsonSchema(schema, document) as JsonMap | boolean);
        compiled.set(schema, validate);
        return validate(value) ? null : (validate.errors?.[0] ?? null);
      });
      if (judged.kind === "timed-out") return [uncheckedBody(`its schema takes longer than ${judgeMsMax / 1000} s for it`)];
      if (judged.result === null) return [];
      const { instancePath, message = "is not valid", params } = judged.result;
      const place = instancePath === "" ? "the body" : instancePath.slice(0, 200);
      return [{ rule: "body", level: "fail", message: `${place} ${message}${detailOf(params)}`, fix: asDocumented }];
    } catch (cause) {
      // What the validator says of a schema that it cannot read, and of an answer that is nested too deeply for it.
      if (!(cause instanceof Error)) throw cause;
      return [uncheckedBody(cause.message.split("\n", 1)[0] ?? "")];
    }
  };
}

function detailOf(params: Readonly<Record<string, unknown>>): string {
  const { additionalProperty, unevaluatedProperty, allowedValues } = params;
  const name = additionalProperty ?? unevaluatedProperty;
  if (typeof name === "string") return `: ${name.slice(0, 100)}`;
  return Array.isArray(allowedValues) ? `: ${allowedValues.slice(0, 20).map(String).join(", ").slice(0, 300)}` : "";
}

function uncheckedBody(why: string): Mismatch {
  const message = `the answer could not be held against its schema: ${why}`;
  return { rule: "unchecked", level: "fail", message, fix: "Correct the schema in the document." };
}

function parseJson(body: Uint8Array): { readonly value: unknown } | undefined {
  try {
    return { value: JSON.parse(Buffer.from(body).toString("utf8")) };
  } catch (cause) {
    if (cause instanceof SyntaxError) return undefined;
    throw cause;
  }
}

function mediaTypeOf(header: string | undefined): string {
  return (header ?? "").split(";")[0]?.trim().toLowerCase() ?? "";
}

function firstJson(content: readonly (readonly [string, Json])[]): string {
  const types = content.map(([range]) => mediaTypeOf(range));
  return types.find(isJson) ?? types[0] ?? "";
}

function isJson(type: string): boolean {
  return /^[^/]+\/([^/]+\+)?json$/.test(type);
}

function covers(range: string, type: string): boolean {
  const declared = mediaTypeOf(range);
  return declared === type || declared === "*/*" || (declared.endsWith("/*") && type.startsWith(declared.slice(0, -1)));
}

function stars(range: string): number {
  return range.split("*").length;
}
