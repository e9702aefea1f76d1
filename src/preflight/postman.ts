import { statSync } from "node:fs";
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import type { CheckFinding } from "../rollout/check-result.ts";
import { type Check, type Outcome, type Subject, skipped, unchecked } from "./check.ts";
import { endWords, lastWordsOf, runShell } from "./commands.ts";
import { hashOf } from "./file-tree.ts";
import { type CollectionRun, readNewmanReport } from "./from-newman.ts";

/** A report holds what was answered, too; one that is larger is not read. */
const reportBytesMax = 32 * 1024 * 1024;

export const postman: Check = {
  name: "postman",
  finds: "Assertions of a Postman collection that fail against the running release, and requests of it that get no answer.",
  runs: "In staging, when its instances are ready, where `checks.api.postman` names the command. What was seen there counts for the environment after.",
  timeoutMs: ({ api }) => api?.postman?.timeoutMs ?? 1,
  inStaging: { whyNotAsked: ({ api }) => (api?.postman == null ? "checks.api.postman names no command" : null) },

  async run(subject: Subject, signal): Promise<Outcome> {
    const command = subject.manifest.checks.api?.postman?.run;
    const { running, commands } = subject;
    if (command === undefined || running === null) return skipped("checks.api.postman names no command");
    const report = join(running.scratch, "postman-report.json");
    const host = running.host.includes(":") ? `[${running.host}]` : running.host;
    const env = { ...commands.env, BELAY_BASE_URL: `http://${host}:${running.port}`, BELAY_REPORT: report };
    try {
      const end = await runShell({ commands: { ...commands, env } }, command, signal);
      const said = `the runner ${endWords(end)}`;
      const read = await readReport(report);
      if (read === null)
        return unchecked(
          `${said} and wrote no report: ${lastWordsOf(end)}`,
          'Let it write newman\'s JSON report: --reporters json --reporter-json-export "$BELAY_REPORT"; install the runner where releases are staged.',
        );
      if (read.run === null)
        return unchecked(
          `${said}, and what it wrote to $BELAY_REPORT is no JSON report of newman`,
          'Let it write that form: --reporters json --reporter-json-export "$BELAY_REPORT".',
        );
      if (read.run.error !== null) return unchecked(`${said}: ${read.run.error}`, "Run the collection by hand, and mend it.");
      return {
        kind: "inspected",
        inspected: read.run.assertions,
        noun: "assertions",
        findings: findingsOf(read.run, end.exitCode === 0 ? null : said),
        inputsSha256: read.sha256,
        tool: { name: command.slice(0, 80), version: "" },
        note: `${read.run.requests} requests of ${read.run.collection}`,
      };
    } finally {
      // Newman writes the values of its environment into it.
      await rm(report, { force: true });
    }
  },
};

/** Null when there is none that can be read. */
async function readReport(file: string): Promise<{ readonly run: CollectionRun | null; readonly sha256: string } | null> {
  const facts = statSync(file, { throwIfNoEntry: false });
  if (facts?.isFile() !== true || facts.size === 0 || facts.size > reportBytesMax) return null;
  const text = await readFile(file, "utf8");
  return { run: parse(text), sha256: hashOf(text) };
}

function parse(text: string): CollectionRun | null {
  try {
    return readNewmanReport(JSON.parse(text));
  } catch (cause) {
    if (cause instanceof SyntaxError) return null;
    throw cause;
  }
}

/** The exit code counts where the report has nothing to say of it. */
function findingsOf({ failures }: CollectionRun, badEnd: string | null): readonly CheckFinding[] {
  const fix = "Run the collection against staging, and mend the service or the collection.";
  if (failures.length === 0 && badEnd !== null)
    return [{ rule: "exit-code", level: "fail", message: `${badEnd}, although its report has no failure`, fix }];
  return failures.map(({ kind, message }) => ({ rule: kind, level: "fail", message, fix }));
}
