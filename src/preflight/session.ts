import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { openRelay } from "../ports/relay.ts";
import type { CheckFinding } from "../rollout/check-result.ts";
import {
  type Address,
  type BootAnswer,
  type Check,
  type Outcome,
  type ServingNext,
  type Subject,
  skipped,
  unchecked,
} from "./check.ts";
import { endWords, lastWordsOf, runShell, tellingLines } from "./commands.ts";
import { hashOf } from "./file-tree.ts";

const notAsked = "checks.session names no command that begins a session at one release and goes on at another";

export const session: Check = {
  name: "session",
  finds:
    "Sessions that do not survive a move: one that began at the release which serves and does not go on at the new one, and, on the way back, one that began at the new one. Each release is tried alone first.",
  runs: "In staging, when its instances are ready, where `checks.session` names the command, against what serves in the environment after. What was seen there counts for that environment as long as that release serves.",
  timeoutMs: (spec) => spec.session?.timeoutMs ?? 1,
  inStaging: {
    whyNotAsked: (spec) => (spec.session === null ? notAsked : null),
    insteadOf(seen, { previous, environment, earlier }) {
      if (previous === null) return skipped(nothingServes(environment));
      if (seen === undefined || seen.status === "error" || seen.evidence.inputsSha256 === identityOf(previous)) return null;
      return unchecked(
        `in ${earlier?.environment} it was not tried with ${previous.id}, which serves ${environment} now`,
        "Commit again (`git commit --allow-empty`) and deploy: a new commit is staged anew.",
      );
    },
  },

  async run({ manifest, running, commands }: Subject, signal): Promise<Outcome> {
    const asked = manifest.checks.session;
    if (asked === null || running === null) return skipped(notAsked);
    const { servingNext: old, scratch } = running;
    if (old === null) return skipped(nothingServes("the environment after"));
    const seen: Seen[] = [];
    const answer = await old.whileUp(signal, async (address) => {
      for (const way of waysOf({ old, oldAt: address, newAt: running })) {
        const end = await walk(way, { command: asked.run, scratch, commands, signal });
        seen.push({ way, end });
        // Only where a session goes on at the release at which it began does a move show anything.
        if (way.isAlone && end.kind !== "held") return;
      }
    });
    if (answer.kind !== "answered") return notUp(old, answer);
    const [first] = seen;
    if (first !== undefined && first.end.kind !== "held") return brokenBefore(old, first.end.words);
    return {
      kind: "inspected",
      inspected: seen.filter(({ end }) => end.kind !== "unknown").length,
      noun: "sessions",
      findings: seen.flatMap(toFindings),
      inputsSha256: identityOf(old),
      tool: { name: asked.run.slice(0, 80), version: "" },
      note: `at and between ${old.id}, which serves ${old.environment}, and the new release`,
    };
  },
};

/** How a session goes: where it begins, and where it goes on. */
interface Way {
  readonly rule: "old-release" | "new-release" | "forward" | "back";
  readonly from: Address;
  readonly to: Address;
  /** It goes on where it began. */
  readonly isAlone: boolean;
  /** What is wrong when it does not go on. */
  readonly message: string;
  readonly fix: string;
}

type End = { readonly kind: "held" } | { readonly kind: "lost" | "unknown"; readonly words: string };

interface Seen {
  readonly way: Way;
  readonly end: End;
}

/** Alone first: a command that finds no session there either tells nothing of a move. */
function waysOf(of: { readonly old: ServingNext; readonly oldAt: Address; readonly newAt: Address }): readonly Way[] {
  const { old, oldAt, newAt } = of;
  const serving = `${old.id}, which serves ${old.environment}`;
  return [
    { rule: "old-release", from: oldAt, to: oldAt, isAlone: true, message: "", fix: "" },
    {
      rule: "new-release",
      from: newAt,
      to: newAt,
      isAlone: true,
      message: "a session that began at the new release does not even go on there",
      fix: `Mend the new release, or the command where it fits ${old.id} alone.`,
    },
    {
      rule: "forward",
      from: oldAt,
      to: newAt,
      isAlone: false,
      message: `a session that began at ${serving}, does not go on at the new release, so that visitors lose theirs when they are moved`,
      fix: `Let the new release read what ${old.id} wrote: cookies, tokens, stored sessions; and keep the secrets that they are signed with.`,
    },
    {
      rule: "back",
      from: newAt,
      to: oldAt,
      isAlone: false,
      message: `a session that began at the new release does not go on at ${serving}, so that visitors lose theirs on the way back`,
      fix: "First deploy a release that reads the new form and writes the old one. When it serves everyone, the next may write the new form.",
    },
  ];
}

interface Walk extends Pick<Subject, "commands"> {
  readonly command: string;
  readonly scratch: string;
  readonly signal: AbortSignal;
}

/** Runs the command once, with a home of its own, so that it finds no cookies of another run. */
async function walk({ rule, from, to }: Way, { command, scratch, commands, signal }: Walk): Promise<End> {
  const home = join(scratch, `session-${rule}`);
  await mkdir(home, { recursive: true });
  await using relays = new AsyncDisposableStack();
  const stand = async (address: Address) => {
    const relay = await openRelay(address);
    relays.defer(() => relay.close());
    return { url: `http://${relay.host}:${relay.port}`, hasAnswered: () => relay.hasAnswered() };
  };
  const begin = await stand(from);
  const goOn = await stand(to);
  const env = { ...commands.env, HOME: home, TMPDIR: home, BELAY_BEGIN_URL: begin.url, BELAY_GO_ON_URL: goOn.url };
  const end = await runShell({ commands: { ...commands, env } }, command, signal);
  const said = tellingLines(lastWordsOf(end)).join("\n");
  if (end.isCut || (end.exitCode !== 0 && end.exitCode !== 1))
    return { kind: "unknown", words: `the command ${endWords(end)}: ${said}` };
  const nobodyAsked = (where: string): End => ({
    kind: "unknown",
    words: `the command ended with exit code ${end.exitCode} and had no answer from ${where}: ${said}`,
  });
  if (!begin.hasAnswered()) return nobodyAsked("$BELAY_BEGIN_URL");
  if (end.exitCode === 1) return { kind: "lost", words: said };
  return goOn.hasAnswered() ? { kind: "held" } : nobodyAsked("$BELAY_GO_ON_URL");
}

function toFindings({ way: { rule, message, fix }, end }: Seen): readonly CheckFinding[] {
  if (end.kind === "held") return [];
  if (end.kind === "lost") return [{ rule, level: "fail", message: `${message}: ${end.words}`, fix }];
  return [{ rule: "unchecked", level: "fail", message: `${rule}: ${end.words}`, fix: commandFix }];
}

const commandFix =
  "Let it begin a session at $BELAY_BEGIN_URL, go on with it at $BELAY_GO_ON_URL, and end with 0 when it went on and 1 when it was lost.";

function brokenBefore({ id, environment }: ServingNext, words: string): Outcome {
  return unchecked(
    `at ${id} alone, which serves ${environment}, the command finds no session that goes on, so that a move would show nothing: ${words}`,
    `${commandFix} It has to fit the release that serves as well as the new one.`,
  );
}

function notUp({ id, environment }: ServingNext, answer: Exclude<BootAnswer, { readonly kind: "answered" }>): Outcome {
  const message = `${id}, which serves ${environment}, did not come up beside the new release: ${answer.reason}`;
  if (answer.kind === "cut-short") return unchecked(message, "Set run.memory to what an instance needs, and deploy again.");
  return unchecked(
    [message, ...tellingLines(answer.lastLines)].join("\n"),
    "It has the configuration with which it last ran there. Let what it needs be there, or accept by a waiver that nobody knows whether sessions survive.",
  );
}

function nothingServes(where: string): string {
  return `nothing serves ${where} yet that sessions could move from`;
}

/** Of the files, whatever their configuration: that is another one in each environment. */
function identityOf({ commit, digest }: Pick<ServingNext, "commit" | "digest">): string {
  return hashOf(commit, digest);
}
