/**
 * Runs the suite's requests and upstreams through Belay, nginx and HAProxy, and prints as Markdown what each does where they do
 * not all do the same: `npm run conformance`.
 */
import { ask } from "./ask.ts";
import { belay } from "./belay-engine.ts";
import type { Engine } from "./engine.ts";
import { hostileUpstreams } from "./hostile-upstreams.ts";
import { haproxy, nginx } from "./other-engines.ts";
import { rawRequests } from "./raw-requests.ts";
import { seeAnswer } from "./see-answer.ts";
import { echo, openUpstream } from "./upstream.ts";

const silenceMs = 1_500;

type Answers = ReadonlyMap<string, { readonly did: string; readonly isFine: boolean }>;

async function answersOf(engine: Engine): Promise<{ readonly requests: Answers; readonly upstreams: Answers }> {
  const upstream = await openUpstream((request) => {
    const number = /^\/hostile\/(\d+)$/.exec(request.start[1])?.[1];
    return number === undefined ? echo(request) : (hostileUpstreams[Number(number)]?.answer ?? null);
  });
  const running = await engine.start(upstream.port);
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
  await running.stop();
  await upstream.close();
  return { requests, upstreams };
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
  const answers = [];
  for (const engine of engines) answers.push([engine.name, await answersOf(engine)] as const);
  console.log(
    table(
      "request",
      answers.map(([name, { requests }]) => [name, requests] as const),
    ),
  );
  console.log();
  console.log(
    table(
      "the upstream says",
      answers.map(([name, { upstreams }]) => [name, upstreams] as const),
    ),
  );
}
