/**
 * Runs the suite's requests and upstreams through Belay, nginx and HAProxy, and prints as Markdown what each does where they do
 * not all do the same, over HTTP/1.1 and HTTP/2: `npm run conformance`.
 */
import { ask } from "./ask.ts";
import { belay } from "./belay-engine.ts";
import type { Engine } from "./engine.ts";
import { hostileUpstreams } from "./hostile-upstreams.ts";
import { askHttp2 } from "./http2/ask.ts";
import { malformedFrames } from "./http2/malformed-frames.ts";
import { malformedRequests } from "./http2/malformed-requests.ts";
import { haproxy, nginx } from "./other-engines.ts";
import { rawRequests } from "./raw-requests.ts";
import { seeAnswer } from "./see-answer.ts";
import { echo, openUpstream } from "./upstream.ts";

const silenceMs = 1_500;

type Answers = ReadonlyMap<string, { readonly did: string; readonly isFine: boolean }>;

interface AllAnswers {
  readonly requests: Answers;
  readonly upstreams: Answers;
  readonly overHttp2: Answers;
}

async function answersOf(engine: Engine): Promise<AllAnswers> {
  const upstream = await openUpstream((request) => {
    const number = /^\/hostile\/(\d+)$/.exec(request.start[1])?.[1];
    return number === undefined ? echo(request) : (hostileUpstreams[Number(number)]?.answer ?? null);
  });
  const running = await engine.start(upstream.port, { withTls: true });
  const requests = new Map<string, { did: string; isFine: boolean }>();
  for (const request of rawRequests) {
    const { did, isAsExpected } = await ask(running, upstream, { request, silenceMs });
    requests.set(request.name, { did, isFine: isAsExpected });
  }
  const upstreams = new Map<string, { did: string; isFine: boolean }>();
  for (const [number, hostile] of hostileUpstreams.entries()) {
    const { did, isAllowed } = await seeAnswer(running, hostile, { path: `/hostile/${number}`, silenceMs });
    upstreams.set(hostile.name, { did, isFine: isAllowed });
  }
  const overHttp2 = new Map<string, { did: string; isFine: boolean }>();
  for (const asked of [...malformedRequests, ...malformedFrames]) {
    const { did, isAsExpected } = await askHttp2(running, upstream, { asked, silenceMs });
    overHttp2.set(asked.name, { did, isFine: isAsExpected });
  }
  await running.stop();
  await upstream.close();
  return { requests, upstreams, overHttp2 };
}

function table(title: string, columns: readonly (readonly [name: string, answers: Answers])[]): string {
  const lines = [`| ${title} | ${columns.map(([name]) => name).join(" | ")} |`, `| --- |${" --- |".repeat(columns.length)}`];
  for (const what of columns[0]?.[1].keys() ?? []) {
    const answers = columns.map(([, all]) => all.get(what));
    if (answers.every((answer) => answer?.isFine === true)) continue;
    const cells = answers.map((answer) => `${answer?.isFine === true ? "" : "**!** "}${shortened(answer?.did ?? "")}`);
    lines.push(`| ${what} | ${cells.join(" | ")} |`);
  }
  return lines.join("\n");
}

function shortened(did: string): string {
  const plain = JSON.stringify(did).slice(1, -1).replaceAll("|", "\\|");
  return plain.length > 110 ? `${plain.slice(0, 110)}…` : plain;
}

if (import.meta.main) {
  const engines = [belay, nginx, haproxy];
  const answers: (readonly [name: string, answers: AllAnswers])[] = [];
  for (const engine of engines) answers.push([engine.name, await answersOf(engine)] as const);
  const tables = [
    ["request", "requests"],
    ["the upstream says", "upstreams"],
    ["over HTTP/2", "overHttp2"],
  ] as const;
  const columnsOf = (what: keyof AllAnswers) => answers.map(([name, all]) => [name, all[what]] as const);
  console.log(tables.map(([title, what]) => table(title, columnsOf(what))).join("\n\n"));
}
