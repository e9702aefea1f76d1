import type { ChainedEntry } from "../api/views.ts";
import { BelayError } from "../errors.ts";
import { verifyCheckpoint } from "../ledger/checkpoint.ts";
import { compareWithWitness } from "../ledger/witness.ts";
import { readAllEntries } from "./client.ts";
import { type Command, type CommandContext, exitCodes, textOf } from "./command.ts";
import { describeActor, describeFact } from "./entry-words.ts";
import { witnessFolderOf } from "./places.ts";
import { harmless, showTable } from "./show-table.ts";
import { describeTime } from "./time-words.ts";
import { openWitness } from "./witness.ts";

export const history: Command = {
  name: "history",
  summary: "Show the ledger: everything that was decided, by whom, and why.",
  options: [
    { flags: "--rollout <id>", summary: "Entries of one rollout only." },
    { flags: "-n, --entries <count>", summary: "So many of the newest entries, or all.", fallback: "all" },
    { flags: "--verify", summary: "Compare the log with the checkpoints that this client has kept of it." },
  ],

  async run(context) {
    const { client, values, isJson, print, printJson } = context;
    if (values["verify"] === true) return verify(context);
    const count = countOf(textOf(values["entries"]) ?? "all");
    const rollout = textOf(values["rollout"]);
    const entries = (await readAllEntries(client, rollout)).slice(-count);
    if (isJson) printJson(entries);
    else if (rollout !== undefined && entries.length === 0) print(`The ledger has nothing of a rollout ${harmless(rollout)}.`);
    else print(describeEntries(entries));
    return undefined;
  },
};

function countOf(asked: string): number {
  if (asked === "all") return Number.POSITIVE_INFINITY;
  const count = Number(asked);
  if (Number.isInteger(count) && count > 0) return count;
  throw new BelayError({
    code: "BELAY_CLI_ENTRIES_INVALID",
    message: `${asked} is not a number of entries`,
    next: "Write a whole number from 1 on, such as -n 20, or all.",
  });
}

export function describeEntries(entries: readonly ChainedEntry[]): string {
  const rows = entries.map(({ entry }) => [
    String(entry.position),
    describeTime(entry.at),
    entry.service === "" ? "-" : `${entry.service}/${entry.environment}`,
    describeActor(entry),
    describeFact(entry.fact),
  ]);
  return showTable(["ENTRY", "TIME (UTC)", "SERVICE", "BY", "WHAT"], rows);
}

/** Says what the kept checkpoints can carry, and no more; a log that agrees with them is remembered as it is now. */
async function verify({ io, client, isJson, print, printJson }: CommandContext): Promise<number> {
  const checkpoint = await client.checkpoint();
  const entries = await readAllEntries(client);
  const witness = openWitness(witnessFolderOf(io));
  const report = compareWithWitness({ log: checkpoint.log, entries, checkpoints: witness.kept(client.address, checkpoint.log) });
  const isOwn = entries[checkpoint.position - 1]?.hash === checkpoint.hash && verifyCheckpoint(checkpoint);
  if (report.verdict === "consistent" && isOwn) witness.keep(client.address, checkpoint);
  print(`${report.verdict}: ${report.words}`);
  if (isJson) printJson({ log: checkpoint.log, ...report });
  return report.verdict === "consistent" ? exitCodes.done : exitCodes.error;
}
