import type { ServiceView, StatusView } from "../api/views.ts";
import { describeBreakGlasses } from "./approval-words.ts";
import type { Command } from "./command.ts";
import { describeJudgement } from "./judgement-words.ts";
import { unknownService } from "./own-manifest.ts";
import { describeProcess } from "./process-words.ts";
import { byWords, describeHarm, describeProgress, describeStaging } from "./rollout-words.ts";
import { countOf, harmless, indent, showTable } from "./show-table.ts";
import { describeLowBudget } from "./slo.ts";
import { describeTime } from "./time-words.ts";

export const status: Command = {
  name: "status",
  summary: "Show what serves, what rolls out, and what is wrong.",
  arguments: [{ name: "[service]", summary: "This service alone, in each of its environments; by default all services." }],

  async run({ client, positionals, print, printJson, isJson }) {
    const [service] = positionals;
    const all = await client.status();
    const view = service === undefined ? all : { ...all, services: all.services.filter((each) => each.service === service) };
    if (service !== undefined && view.services.length === 0) throw unknownService(service);
    if (isJson) printJson(view);
    else print(describeStatus(view));
    return undefined;
  },
};

export function describeStatus(view: StatusView): string {
  const addresses = Object.entries(view.addresses)
    .filter(([name]) => name === "http" || name === "https" || name === "api-tcp")
    .map(([name, address]) => `${name} ${address}`);
  const connected = view.workers.filter(({ isConnected }) => isConnected).length;
  const parts = [
    `Belay ${view.program}: ${addresses.join(", ")}; ${connected} of ${countOf(view.workers.length, "proxy worker")} connected; isolation: ${view.isolation}`,
    `${countOf(view.requestsLastMinute, "request")} in the last minute`,
    ...describeTurnedAway(view),
    ...view.trouble.map((words) => `Trouble: ${harmless(words)}`),
  ];
  if (view.services.length === 0) return [...parts, "", "No service yet. Run `belay deploy` in the folder of one."].join("\n");
  return [...parts, "", showServices(view.services), ...view.services.flatMap(describeService)].join("\n");
}

/** A control plane from before does not tell. */
function describeTurnedAway({ turnedAway = {} }: Partial<Pick<StatusView, "turnedAway">>): readonly string[] {
  const counted = Object.entries(turnedAway).map(([by, count]) => `${count} ${turnedAwayWords[by as keyof typeof turnedAway]}`);
  return counted.length === 0 ? [] : [`Turned away since the proxy workers' start: ${counted.join(", ")}`];
}

const turnedAwayWords: Readonly<Record<keyof StatusView["turnedAway"], string>> = {
  connections: "beyond the connections of a worker",
  address: "beyond the connections of an address",
  requests: "beyond the requests of a worker",
  pipeline: "beyond the requests of a connection",
  "head-late": "with a late head",
  "head-large": "with a large head",
  "body-late": "with a slow body",
  "reader-late": "that took no answer",
};

/** A control plane from before does not tell. */
function describeHeld({ held }: Partial<Pick<ServiceView, "held">>): readonly string[] {
  if (held === undefined || held.held + held.overflowed === 0) return [];
  const waiting =
    held.waiting === 0 ? "" : `${countOf(held.waiting, "request")} ${held.waiting === 1 ? "waits" : "wait"} for an instance; `;
  return [
    `${waiting}${countOf(held.held, "request")} had to wait since the proxy workers' start, ${held.expired} in vain, ${held.overflowed} found no room to wait`,
  ];
}

function showServices(services: readonly ServiceView[]): string {
  return showTable(
    ["SERVICE", "ENVIRONMENT", "STABLE", "WARM", "INSTANCES", "REQUESTS/MIN", "FAILED"],
    services.map((view) => [
      view.service,
      view.environment,
      view.stable?.id ?? "-",
      view.warm?.id ?? "-",
      `${view.instances.filter(({ state }) => state === "ready").length} of ${view.instances.length} ready`,
      String(view.requestsLastMinute),
      String(view.failuresLastMinute),
    ]),
  );
}

/** What runs once and is not told of by the rollout. */
function describeTasks({ service, rollout, tasks, runs }: ServiceView): readonly string[] {
  const open = (rollout?.task ?? null) === null ? tasks.filter(({ state }) => state === "running" || state === "unknown") : [];
  const left = open.map(({ task, release, state, how }) =>
    state === "running"
      ? `${service}: the task ${task} of ${release} runs on; the next one waits for its end`
      : `${service}: the task ${task} of ${release} was interrupted (${how}). Next: \`belay resume ${service} --task-done\` or \`--retry-task\` says what became of it; the next task waits for that.`,
  );
  const told = runs.map(({ run, release, command, by }) => {
    return `${service}: ${harmless(by.name)} runs ${harmless(command.join(" "))} with ${release}, as ${run}`;
  });
  return [...left, ...told];
}

function describeService(view: ServiceView): readonly string[] {
  const { service, rollout, instances, processes, maintenance, previews, previewRefusals, burning } = view;
  const lines: string[] = [];
  // A control plane from before does not tell.
  const fastest = burning?.[0];
  if (fastest !== undefined) {
    const { rate, longMinutes, shortMinutes, limit } = fastest;
    lines.push(
      "",
      `${service}: the error budget burns ${Number(rate.toPrecision(2)).toLocaleString("en-US")} times too fast (over ${minutesWords(longMinutes)}, and still over ${minutesWords(shortMinutes)}; ${limit} is too much)`,
    );
  }
  const low = describeLowBudget(service, view.budget);
  if (low !== null) lines.push("", low);
  for (const words of describeBreakGlasses(view)) lines.push("", `${service}: ${words}`);
  if (maintenance !== null) {
    const message = maintenance.message === "" ? "" : `: ${harmless(maintenance.message)}`;
    lines.push("", `${service}: maintenance since ${describeTime(maintenance.since)}; visitors get 503${message}`);
    lines.push(indent(`Next: \`belay maintenance off ${service}\` serves them again.`));
  }
  if (rollout !== null) {
    const what = `${rollout.kind} ${rollout.rollout}${rollout.release === null ? "" : ` of ${rollout.release}`}`;
    const reason = harmless(rollout.reason.split("\n")[0] ?? "");
    const by = rollout.by === null ? "" : ` by ${byWords[rollout.by]}`;
    const words = isEnded(rollout.outcome)
      ? `${rollout.outcome}${by}${reason === "" ? "" : `: ${reason}`}`
      : describeProgress(rollout);
    lines.push("", `${service}: ${what}`, indent(words), ...describeStaging(rollout).map((line) => indent(line)));
    if (rollout.canaryErrors > 0) lines.push(...describeHarm(rollout).map((line) => indent(line)));
    if (!isEnded(rollout.outcome)) lines.push(...describeJudgement(rollout.judgement).map((line) => indent(line)));
    if (rollout.next !== "") lines.push(indent(`Next: ${rollout.next}`));
  }
  lines.push(...describeTasks(view).map((words) => indent(words)));
  lines.push(...processes.flatMap(describeProcess).map((words) => indent(words)));
  for (const { release, by, redeemedAt, until } of previews) {
    const used = redeemedAt === null ? "not used yet, good until" : `used ${describeTime(redeemedAt)}, seen until`;
    lines.push(indent(`preview of ${release} by ${harmless(by)}: ${used} ${describeTime(until)}`));
  }
  const refused = Object.entries(previewRefusals).filter(([, count]) => count > 0);
  if (refused.length > 0) lines.push(indent(`previews refused: ${refused.map(([why, count]) => `${count} ${why}`).join(", ")}`));
  lines.push(...describeHeld(view).map((words) => indent(words)));
  for (const { id, state, exits, reason } of instances) {
    if (state === "ready" && exits === 0) continue;
    const said = harmless(reason.split("\n")[0] ?? "");
    lines.push(indent(`instance ${id}: ${state}, ended by itself ${countOf(exits, "time")}${said === "" ? "" : `: ${said}`}`));
  }
  return lines;
}

function minutesWords(minutes: number): string {
  return minutes < 60 ? `${minutes} min` : `${minutes / 60} h`;
}

function isEnded(outcome: NonNullable<ServiceView["rollout"]>["outcome"]): boolean {
  return outcome !== null && outcome !== "held";
}
