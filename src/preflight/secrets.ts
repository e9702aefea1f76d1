import type { CheckFinding } from "../rollout/check-result.ts";
import { type Check, type Outcome, quick, type Subject, skipped } from "./check.ts";
import { type FileTree, hashOf, readAll, type TreeFile } from "./file-tree.ts";
import { isHarmless, type SecretRule, secretRules } from "./secret-rules.ts";
import { isOfOthers } from "./third-party.ts";

/** Of larger files the start is searched; what a person wrote is smaller. */
const bytesMax = 4 * 1024 * 1024;
const sniffedBytes = 8_000;
/** A file that is all secrets is told once, not a thousand times. */
const findingsPerFile = 5;

export const secrets: Check = {
  name: "secrets",
  finds: "Keys, tokens and passwords in the commit and in the bundle; it shows where they are, never what they are.",
  runs: "Always.",
  timeoutMs: quick,

  async run({ source, bundle }: Subject, signal): Promise<Outcome> {
    if (source === null && bundle === null) return skipped("neither source nor bundle is here");
    const findings: CheckFinding[] = [];
    const hashes: string[] = [];
    const seen = new Set<string>();
    let searched = 0;
    let binary = 0;
    const search = async (tree: FileTree) => {
      const files = tree.files.filter(({ path, link }) => link === undefined && !isOfOthers(path) && !seen.has(path));
      for (const { path } of files) seen.add(path);
      hashes.push(
        await readAll(tree, files, { bytesMax, signal }, (file, content) => {
          if (content.subarray(0, sniffedBytes).includes(0)) binary += 1;
          else findings.push(...findIn(file, content));
          searched += 1;
        }),
      );
    };
    // The bundle first: what is shipped counts, whatever the build made of the source's file.
    for (const tree of [bundle, source]) if (tree !== null) await search(tree);
    return {
      kind: "inspected",
      inspected: searched - binary,
      noun: "files searched",
      ...(binary === 0 ? {} : { note: `${binary} binary ones not` }),
      findings,
      inputsSha256: hashOf(...hashes),
    };
  },
};

/** What the first secret in a text of a person is, in words; null when there is none. Never the secret itself. */
export function findSecretIn(text: string): string | null {
  const [found] = findIn({ path: "text", bytes: text.length }, Buffer.from(text));
  return found === undefined ? null : found.message.replace("here is ", "");
}

function findIn(file: TreeFile, content: Buffer): readonly CheckFinding[] {
  // One byte is one character, so that offsets agree and nothing is ever invalid.
  const text = content.toString("latin1");
  const findings: CheckFinding[] = [];
  for (const rule of secretRules) {
    if (!rule.words.some((word) => text.includes(word))) continue;
    for (const match of text.matchAll(rule.pattern)) {
      if (findings.length >= findingsPerFile) return findings;
      const secret = match[1] ?? match[0];
      if (!isHarmless(rule, match[0], secret))
        findings.push(toFinding(rule, file, { text, at: match.index + match[0].indexOf(secret) }));
    }
  }
  return findings;
}

function toFinding(
  rule: SecretRule,
  { path }: TreeFile,
  { text, at }: { readonly text: string; readonly at: number },
): CheckFinding {
  const before = text.slice(0, at);
  return {
    rule: rule.name,
    level: rule.level,
    message: `here is ${rule.what}`,
    fix: `Revoke it ${rule.revoke} first, then take it out of the file and read it from the configuration.`,
    file: path,
    line: before.split("\n").length,
    column: at - before.lastIndexOf("\n"),
  };
}
