import type { CheckFinding } from "../rollout/check-result.ts";
import { type Check, type Outcome, quick, type Subject, skipped } from "./check.ts";
import { hashOf } from "./file-tree.ts";

export const rollback: Check = {
  name: "rollback",
  finds: "A release that serves now and cannot be gone back to: its bundle is not there any more.",
  runs: "From the second release on, in a deploy.",
  timeoutMs: quick,

  async run({ previous, manifest }: Subject): Promise<Outcome> {
    if (previous === null) return skipped("nothing serves yet that could be gone back to");
    const files = previous.files ?? [];
    const back = `belay rollback ${manifest.service} --to ${previous.id}`;
    const findings: CheckFinding[] = [];
    if (previous.files === null)
      findings.push({
        rule: "bundle-gone",
        level: "fail",
        message: `the bundle of ${previous.id} is not there any more: after this release one can only go forward`,
        fix: `Deploy commit ${previous.commit.slice(0, 12)} again first, which builds it anew; or accept it by a waiver.`,
      });
    return {
      kind: "inspected",
      inspected: 1,
      noun: "way back",
      note: `\`${back}\`, ${files.length} files`,
      findings,
      inputsSha256: hashOf(previous.id, ...files.map(({ path, bytes }) => `${path} ${bytes}`)),
    };
  },
};
