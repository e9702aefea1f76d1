import { askHttp } from "../ports/http-ask.ts";
import { mapFew } from "../ports/map-few.ts";
import type { CheckFinding } from "../rollout/check-result.ts";
import { type Answer, type Contract, type Mismatch, openContract } from "./answer-contract.ts";
import { type Check, type Outcome, type RunningInstance, type Subject, skipped, unchecked } from "./check.ts";
import { hashOf, readText } from "./file-tree.ts";
import { type ApiDocument, mapOf, type Operation, parseApiDocument } from "./openapi-document.ts";
import { type OperationRequest, toRequest } from "./operation-requests.ts";

const answerBytesMax = 4 * 1024 * 1024;
const answerMsMax = 10_000;
/** More than a service describes; the rest is told as not asked. */
const askedMax = 500;
const namesShown = 5;

export const conformance: Check = {
  name: "conformance",
  finds:
    "Answers of the running release that are not what the OpenAPI document says: status, content type, required headers and JSON body of each GET and HEAD that it gives a value for every required parameter of.",
  runs: "In staging, when its instances are ready, where `checks.api.openapi` names the document. What was seen there counts for the environment after.",
  timeoutMs: ({ api }) => api?.timeoutMs ?? 1,
  inStaging: { whyNotAsked: ({ api }) => (api?.openapi == null ? "checks.api names no document" : null) },

  async run(subject: Subject, signal): Promise<Outcome> {
    const spec = subject.manifest.checks.api;
    const { running } = subject;
    if (spec?.openapi == null || running === null) return skipped("checks.api names no document");
    const read = await readDocument(subject, spec.openapi);
    if ("kind" in read) return read;
    const { document, text } = read;
    const requests = document.operations.map((operation) => toRequest(document, operation, spec.skip));
    const asked = requests.filter((request) => request.kind === "asked");
    const contract = await openContract(document);
    const found = await mapFew(asked.slice(0, askedMax), (request) => hold(contract, { document, request, running, signal }));
    const leftOut = [
      ...requests.filter((request) => request.kind === "left-out"),
      ...asked.slice(askedMax).map(({ operation }) => tooMany(operation)),
    ];
    const findings = [...found.flat(), ...leftOut.flatMap(toNotCovered), ...unknownNames(document, spec.skip)];
    return {
      kind: "inspected",
      inspected: Math.min(asked.length, askedMax),
      noun: "operations asked",
      findings: findings.map((each) => ({ ...each, file: spec.openapi ?? "" })),
      inputsSha256: hashOf(text),
      note: coverageWords(leftOut),
    };
  },
};

/** The file of the bundle, which the build may have written, or else of the commit. */
export async function readDocument(
  { bundle, source }: Pick<Subject, "bundle" | "source">,
  file: string,
): Promise<{ readonly document: ApiDocument; readonly text: string } | Outcome> {
  const text =
    (bundle === null ? undefined : await readText(bundle, file)) ?? (source === null ? undefined : await readText(source, file));
  if (text === undefined)
    return unchecked(
      `there is no ${file}`,
      "Correct checks.api.openapi, or commit the file; of a bundle, let release.include name it.",
    );
  const parsed = parseApiDocument(text);
  if ("problem" in parsed) return unchecked(`${file} cannot be read: ${parsed.problem}`, "Write an OpenAPI 3.0 or 3.1 document.");
  return { document: parsed.document, text };
}

type LeftOut = OperationRequest & { readonly kind: "left-out" };

interface Asking {
  readonly document: ApiDocument;
  readonly request: OperationRequest & { readonly kind: "asked" };
  readonly running: RunningInstance;
  readonly signal: AbortSignal;
}

async function hold(contract: Contract, asking: Asking): Promise<readonly CheckFinding[]> {
  const { request, running, signal } = asking;
  const { operation, method, path, headers } = request;
  const limits = { bytesMax: answerBytesMax, timeoutMs: answerMsMax, signal };
  const { host, port } = running;
  const answer = await askHttp({ host, port, method, path, headers: { ...headers, "user-agent": "belay-check" }, ...limits });
  const told = (found: Mismatch): CheckFinding => ({
    ...found,
    message: `${operation.name}: ${found.message}`,
    line: operation.line,
  });
  if (answer.kind === "failed") {
    const fix = `Ask ${method} ${path} of an instance, and see \`belay logs\` of staging.`;
    return [told({ rule: "no-answer", level: "fail", message: answer.why, fix })];
  }
  if (answer.isCut) {
    const message = `the answer has more than ${answerBytesMax / 1024 / 1024} MB`;
    return [told({ rule: "unchecked", level: "fail", message, fix: `Name ${operation.name} in checks.api.skip.` })];
  }
  const { status, body } = answer;
  const contentType = answer.headers["content-type"];
  const seen: Answer = { status, contentType, headers: answer.headers, body, isHead: method === "HEAD" };
  return [...contract.judge(operation, seen), ...judgeStatus(operation, status)].map(told);
}

/** What a document may well say, and what tells nothing good of an operation all the same. */
function judgeStatus({ body }: Operation, status: number): readonly Mismatch[] {
  if (status >= 500) {
    const fix = "See `belay logs` of staging, and mend what fails.";
    return [{ rule: "server-error", level: "fail", message: `${status} was answered`, fix }];
  }
  const hasGood = Object.keys(mapOf(body["responses"])).some((key) => /^2/.test(key));
  if (status < 400 || !hasGood) return [];
  const message = `${status} was answered, so that what it answers when all is well was not seen`;
  return [{ rule: "not-covered", level: "warn", message, fix: "Write examples for its parameters that staging knows." }];
}

function toNotCovered({ operation, why, fix }: LeftOut): readonly CheckFinding[] {
  if (fix === null) return [];
  return [
    { rule: "not-covered", level: "warn", message: `${operation.name} was not asked: it ${why}`, fix, line: operation.line },
  ];
}

function unknownNames({ operations }: ApiDocument, skip: readonly string[]): readonly CheckFinding[] {
  return skip
    .filter((name) => operations.every((operation) => operation.name !== name))
    .map((name) => ({
      rule: "unknown-operation",
      level: "warn",
      message: `checks.api.skip names ${name}, which the document does not have`,
      fix: "Write it as the document does, or remove it.",
    }));
}

function tooMany(operation: Operation): LeftOut {
  return { kind: "left-out", operation, why: `comes after the first ${askedMax}`, fix: "Leave others out by checks.api.skip." };
}

/** Nothing is left out in silence. */
function coverageWords(leftOut: readonly LeftOut[]): string {
  if (leftOut.length === 0) return "all that the document has";
  const names = leftOut.slice(0, namesShown).map(({ operation, why }) => `${operation.name} ${why}`);
  const more = leftOut.length > namesShown ? ` and ${leftOut.length - namesShown} more` : "";
  return `${leftOut.length} not covered: ${names.join(", ")}${more}`;
}
