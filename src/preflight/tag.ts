import type { CheckFinding } from "../rollout/check-result.ts";
import type { ReleaseTag } from "../rollout/release-tag.ts";
import { type Check, type Outcome, quick, type Subject, skipped, unchecked } from "./check.ts";
import { hashOf, readText } from "./file-tree.ts";
import { versionOf } from "./version.ts";

export const tag: Check = {
  name: "tag",
  finds:
    "A release without an annotated tag of its version, a tag that is on another commit, and one that was moved to another since a release had it.",
  runs: "Where `checks.tag` says what tags are called. `belay deploy --tag` makes it. The version is the one of package.json, or of a file VERSION.",
  timeoutMs: quick,

  async run({ manifest, source, commit, tag: found, previous }: Subject): Promise<Outcome> {
    const { tag: form } = manifest.checks;
    if (form === null) return skipped("checks.tag does not ask for it");
    if (source === null) return skipped("the source is not here, only what was built of it");
    const version = await versionOf((path) => readText(source, path));
    if (version === null)
      return unchecked(
        "neither package.json nor VERSION names a version",
        'Write "version": "1.4.0" into package.json, or 1.4.0 into a file VERSION.',
      );
    const name = tagName(form, version);
    // A client that is older than this check tells nothing of tags.
    if (found === undefined)
      return unchecked(
        `whoever deployed did not tell whether there is a tag ${name}`,
        "Deploy with the `belay` of this version.",
      );
    const findings = findWrong(name, found, commit);
    const before = previous?.tag ?? null;
    if (found !== null && before?.name === found.name && before.object !== found.object)
      findings.push({
        rule: "moved",
        level: "fail",
        message: `${name} is another tag than the one that ${previous?.id} was released with`,
        fix: "Raise the version, and leave the tag of a release where it was.",
      });
    return {
      kind: "inspected",
      inspected: 1,
      noun: `tag, ${name}`,
      findings,
      inputsSha256: hashOf(name, JSON.stringify(found)),
    };
  },
};

export function tagName(form: string, version: string): string {
  return form.replace("{version}", version);
}

function findWrong(name: string, found: ReleaseTag | null, commit: string | null): CheckFinding[] {
  if (found === null || found.name !== name)
    return [
      {
        rule: "no-tag",
        // Of a folder that is not released yet.
        level: commit === null ? "warn" : "fail",
        message: `there is no tag ${name}`,
        fix: `Run \`belay deploy --tag\`, or \`git tag --annotate ${name}\`.`,
      },
    ];
  if (!found.isAnnotated)
    return [
      {
        rule: "lightweight",
        level: "fail",
        message: `${name} is no annotated tag: it says neither who made it nor when`,
        fix: `Run \`git tag --delete ${name}\`, then \`belay deploy --tag\`.`,
      },
    ];
  if (commit === null || found.commit === commit) return [];
  return [
    {
      rule: "elsewhere",
      level: "fail",
      message: `${name} is on commit ${found.commit.slice(0, 12)}, and the release is of ${commit.slice(0, 12)}`,
      fix: "Raise the version: `npm version patch`, or edit VERSION.",
    },
  ];
}
