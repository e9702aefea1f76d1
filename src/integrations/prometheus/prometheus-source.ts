import { fetchText } from "../../ports/fetch-text.ts";
import type { ReadSource, SourceQuestion } from "../../rollout/source.ts";
import { questionOf, readAnswer } from "./query.ts";

const bytesMax = 2_000_000;

/** Names that go into a question as they are. */
const plainName = /^[\w.-]{1,200}$/;

/**
 * Asks a Prometheus for two counters of two releases by one instant query. `secretOf` gives the token of a source that names one, or
 * why there is none, in words.
 */
export function prometheusSource(options: {
  secretOf(question: SourceQuestion, name: string): { readonly value: string } | { readonly missing: string };
}): ReadSource {
  return async (question) => {
    const { source, signal } = question;
    const names = [question.canary, question.stable, question.service, question.environment];
    if (!names.every((name) => plainName.test(name))) return { kind: "broken", reason: "a name does not fit into a question" };
    const token = source.token === undefined ? null : options.secretOf(question, source.token);
    if (token !== null && "missing" in token) return { kind: "broken", reason: token.missing };
    const answer = await fetchText({
      url: new URL(`${source.prometheus.replace(/\/+$/, "")}/api/v1/query`),
      headers: {
        "content-type": "application/x-www-form-urlencoded",
        ...(token === null ? {} : { authorization: `Bearer ${token.value}` }),
      },
      body: new URLSearchParams({ query: questionOf(question), timeout: `${source.timeoutMs}ms` }).toString(),
      timeoutMs: source.timeoutMs,
      bytesMax,
      signal,
    });
    if ("failure" in answer) return { kind: "broken", reason: `it does not answer: ${answer.failure}` };
    if (answer.status >= 300 && answer.status < 400)
      return { kind: "broken", reason: `it answers with a redirect (${answer.status}), which is not followed` };
    return readAnswer(answer);
  };
}
