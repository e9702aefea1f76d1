import { talk } from "./client.ts";
import type { RunningEngine } from "./engine.ts";
import type { RawRequest } from "./raw-requests.ts";
import { type Message, readResponses } from "./strict-reader.ts";
import type { Upstream } from "./upstream.ts";

export interface Verdict {
  /** In a few words, such as `400` or `200, upstream sees GET /a`. */
  readonly did: string;
  readonly isAsExpected: boolean;
}

/** One raw request through an engine, and whether it did what the suite expects. */
export async function ask(
  { port }: RunningEngine,
  upstream: Upstream,
  { request, silenceMs }: { readonly request: RawRequest; readonly silenceMs: number },
): Promise<Verdict> {
  upstream.seen.length = 0;
  upstream.malformed.length = 0;
  const { bytes, end } = await talk({ port, pieces: [request.bytes], silenceMs });
  const seen = upstream.seen.map(describeRequest);
  const finals = finalStatuses(bytes);
  const answers = finals.length === 0 ? (end === "open" ? "waits" : "closes without an answer") : finals.join(", ");
  const did = [
    answers,
    ...seen.map((what) => `upstream sees ${what.trim()}`),
    ...upstream.malformed.map((why) => `upstream gets ${why}`),
  ].join("; ");
  const isRefusal =
    seen.length === 0 && upstream.malformed.length === 0 && finals.every((status) => status >= 400) && finals.length <= 1;
  if (request.expect === "refused") return { did, isAsExpected: isRefusal && end !== "open" };
  if (request.mayBeRefused === true && isRefusal) return { did, isAsExpected: true };
  const isSame = upstream.malformed.length === 0 && JSON.stringify(seen) === JSON.stringify(request.expect);
  return { did, isAsExpected: isSame && finals.length === seen.length && finals.every((status) => status === 200) };
}

export function describeRequest({ start: [method, target], body }: Message): string {
  return `${method} ${target} ${body}`;
}

/** Of the answers that are no 1xx. What the client cannot read counts as status 0. */
function finalStatuses(bytes: string): readonly number[] {
  const { messages, rest } = readResponses(bytes, { methods: [], isClosed: true });
  const finals = messages.map(({ start }) => Number(start[1])).filter((status) => status >= 200);
  return rest === "nothing" ? finals : [...finals, 0];
}
