import { freezePlan } from "../analysis/freeze-plan.ts";
import { BelayError } from "../errors.ts";
import { parsePercent, percentPattern } from "../manifest/quantities.ts";
import { type Rehearsal, rehearsePlan } from "../rehearsal/rehearse-plan.ts";
import { scoredPerSecond, type Traffic } from "../rehearsal/traffic.ts";
import type { Output } from "./cli-io.ts";
import type { ServiceName } from "./client.ts";
import { type Command, type CommandContext, environmentOption, textOf } from "./command.ts";
import { requireManifest } from "./own-manifest.ts";
import { shieldOf } from "./simulate-shield.ts";
import { describeRehearsal } from "./simulate-words.ts";

/** What a visitor asks for when only one of the two rates is known. */
const requestsPerVisitorByDefault = 3;
const runsMax = 1_000;

export const simulate: Command = {
  name: "simulate",
  summary:
    "Say what the plan of belay.yml would catch with your traffic, how fast and at what cost, before anything is deployed.",
  options: [
    { flags: "--rps <number>", summary: "Requests a second; by default those of the last minute, as a running Belay saw them." },
    { flags: "--visitors-per-second <number>", summary: "New visitors a second; by default a third of the requests." },
    { flags: "--errors <percent>", summary: "Share of requests that fails on stable, such as 0.1%; by default none." },
    {
      flags: "--shielded <percent>",
      summary:
        "Share of requests that stable may answer in the release's place, such as 90%: reads, and what routes declare idempotent; by default as counted, or none.",
    },
    { flags: "--seed <number>", summary: "Of the simulated visitors; the same seed gives the same numbers.", fallback: "1" },
    { flags: "--runs <number>", summary: "Runs of each kind of release; by default 5 to 20, as the traffic allows in seconds." },
    environmentOption,
  ],

  async run(context) {
    const { io, values, print, printJson, isJson } = context;
    const { service, plan: manifestPlan, environments } = requireManifest(io.cwd);
    const environment = textOf(values["environment"]) ?? "production";
    const routes = environments[environment]?.routes ?? [];
    const given = shareOf(values, "shielded", { isWholeAllowed: true });
    const { traffic: visitors, source } = await trafficOf(context, { service, environment });
    const shield = await shieldOf(context.client, { service, environment, routes, given, isMeasured: source === "measured" });
    const traffic = shield.share === null ? visitors : { ...visitors, shieldedShare: shield.share };
    const { plan, words } = freezePlan(manifestPlan, scoredPerSecond(traffic));
    const seed = numberOf(values, "seed", { least: 0 }) ?? 1;
    const runs = numberOf(values, "runs", { least: 1, most: runsMax });
    const rehearsal = await watch(context, rehearsePlan({ plan, traffic, seed, runs }));
    if (isJson) printJson({ service, source, shield, expected: words, ...rehearsal });
    else print(describeRehearsal({ service, source, shield, isPlanned: manifestPlan.steps === null, rehearsal }));
    return undefined;
  },
};

/** Runs it to its end, with a bar in a terminal, and lets Ctrl-C through between two runs. */
async function watch({ io }: CommandContext, work: Generator<number, Rehearsal>): Promise<Rehearsal> {
  const bar = createBar(io.stderr);
  try {
    for (;;) {
      const next = work.next();
      if (next.done === true) return next.value;
      bar.show(next.value);
      await io.clock.sleep(0, io.interrupted);
    }
  } finally {
    bar.end();
  }
}

function createBar(output: Output): { show(share: number): void; end(): void } {
  if (!output.isTerminal) return { show: () => {}, end: () => {} };
  const cells = 30;
  return {
    show: (share) => {
      const filled = Math.round(share * cells);
      const line = `[${"#".repeat(filled)}${"-".repeat(cells - filled)}] ${Math.round(share * 100)}%  simulating rollouts`;
      output.write(`\r\u001b[2K${line.slice(0, Math.max(20, output.columns - 1))}`);
    },
    end: () => output.write("\r\u001b[2K"),
  };
}

/** What was given counts; what was not is measured by a running Belay, or follows from the rest. */
async function trafficOf(
  { client, values }: CommandContext,
  of: ServiceName,
): Promise<{ readonly traffic: Traffic; readonly source: "given" | "measured" }> {
  const rps = numberOf(values, "rps", { least: 0 });
  const visitors = numberOf(values, "visitorsPerSecond", { least: 0 });
  const errors = shareOf(values, "errors");
  if (rps === undefined && visitors === undefined) {
    const measured = await measure(client, of);
    return { traffic: { ...measured, failShare: errors ?? measured.failShare }, source: "measured" };
  }
  const visitorsPerSecond = visitors ?? (rps ?? 0) / requestsPerVisitorByDefault;
  const requests = rps ?? visitorsPerSecond * requestsPerVisitorByDefault;
  if (requests < visitorsPerSecond) {
    throw new BelayError({
      code: "BELAY_SIMULATE_TRAFFIC_IMPOSSIBLE",
      message: `${visitorsPerSecond} new visitors a second cannot make only ${requests} requests a second`,
      next: "Give --rps at least the value of --visitors-per-second.",
    });
  }
  const requestsPerVisitor = visitorsPerSecond === 0 ? 1 : requests / visitorsPerSecond;
  return { traffic: { visitorsPerSecond, requestsPerVisitor, failShare: errors ?? 0 }, source: "given" };
}

async function measure(client: CommandContext["client"], { service, environment }: ServiceName): Promise<Traffic> {
  const next = "Give it: --rps 20, and --visitors-per-second 5 when you know it.";
  const { services } = await client.status().catch((cause: unknown) => {
    if (!(cause instanceof BelayError) || cause.code !== "BELAY_CLI_NOT_RUNNING") throw cause;
    const message = `no traffic is given, and no Belay runs here that has measured that of ${service}`;
    throw new BelayError({ code: "BELAY_SIMULATE_TRAFFIC_UNKNOWN", message, next, cause });
  });
  const view = services.find((each) => each.service === service && each.environment === environment);
  if (view === undefined || view.requestsLastMinute === 0) {
    const message = `no traffic is given, and ${service} had none in ${environment} in the last minute`;
    throw new BelayError({ code: "BELAY_SIMULATE_TRAFFIC_UNKNOWN", message, next });
  }
  const { requestsLastMinute: requests, newVisitorsLastMinute: visitors, failuresLastMinute: failed } = view;
  return {
    visitorsPerSecond: visitors / 60,
    requestsPerVisitor: visitors === 0 ? 1 : Math.max(1, requests / visitors),
    failShare: failed / requests,
  };
}

function numberOf(
  values: CommandContext["values"],
  name: string,
  { least, most = Number.MAX_SAFE_INTEGER }: { readonly least: number; readonly most?: number },
): number | undefined {
  const text = textOf(values[name]);
  if (text === undefined) return undefined;
  const value = Number(text);
  const isWhole = name === "seed" || name === "runs";
  if (text.trim() !== "" && value >= least && value <= most && (!isWhole || Number.isInteger(value))) return value;
  throw invalid(name, text, isWhole ? `a whole number from ${least} on` : `a number from ${least} on`);
}

function shareOf(
  values: CommandContext["values"],
  name: string,
  { isWholeAllowed = false }: { readonly isWholeAllowed?: boolean } = {},
): number | undefined {
  const text = textOf(values[name]);
  if (text === undefined) return undefined;
  const share = percentPattern.test(text) ? parsePercent(text) : Number.NaN;
  if (share >= 0 && (share < 1 || (isWholeAllowed && share === 1))) return share;
  throw invalid(name, text, isWholeAllowed ? "a percentage up to 100, such as 90%" : "a percentage below 100, such as 0.1%");
}

function invalid(name: string, text: string, wanted: string): BelayError {
  const flag = `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
  return new BelayError({
    code: "BELAY_SIMULATE_OPTION_INVALID",
    message: `${flag} ${text} is not ${wanted}`,
    next: `Give ${flag} ${wanted}.`,
  });
}
