/** What a run of a Postman collection says, as newman's JSON reporter writes it. */
export interface CollectionRun {
  readonly collection: string;
  readonly assertions: number;
  readonly requests: number;
  readonly failures: readonly { readonly kind: "assertion" | "request" | "script"; readonly message: string }[];
  /** Why the run itself did not come to its end; null when it did. */
  readonly error: string | null;
}

const wordsMax = 300;

/** Null for what is no such report. */
export function readNewmanReport(document: unknown): CollectionRun | null {
  const run = mapOf(mapOf(document)["run"]);
  const stats = mapOf(run["stats"]);
  const assertions = mapOf(stats["assertions"])["total"];
  const requests = mapOf(stats["requests"])["total"];
  const { failures, error } = run;
  if (!isCount(assertions) || !isCount(requests) || !Array.isArray(failures)) return null;
  return {
    collection: textOf(mapOf(mapOf(mapOf(document)["collection"])["info"])["name"]),
    assertions,
    requests,
    failures: failures.map(readFailure),
    error: error == null ? null : textOf(mapOf(error)["message"]) || "it says no more",
  };
}

function readFailure(written: unknown): CollectionRun["failures"][number] {
  const { error, at, source, parent } = mapOf(written);
  const { name, test, message } = mapOf(error);
  const request = [mapOf(parent)["name"], mapOf(source)["name"]].map(textOf).filter((part) => part !== "");
  const words = [request.join(" / "), textOf(test), textOf(message)].filter((part) => part !== "").join(": ");
  const kind = textOf(name) === "AssertionError" ? "assertion" : textOf(at) === "request" ? "request" : "script";
  return { kind, message: words === "" ? "a failure without words" : words };
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 0;
}

function mapOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Readonly<Record<string, unknown>>) : {};
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value.slice(0, wordsMax) : "";
}
