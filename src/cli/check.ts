import { basename, dirname, resolve } from "node:path";
import { BelayError } from "../errors.ts";
import type { Manifest } from "../manifest/manifest.ts";
import { parseManifest } from "../manifest/parse-manifest.ts";
import { openProjectFiles } from "../project/project-files.ts";
import { type Command, exitCodes } from "./command.ts";
import { describeFindings, type Finding } from "./findings.ts";
import { checkManifest } from "./manifest-checks.ts";
import { invalidManifest, manifestFile, manifestMissing, readManifestText } from "./own-manifest.ts";
import { describeStep } from "./rollout-words.ts";

export const check: Command = {
  name: "check",
  summary: "Check a manifest and what lies beside it without deploying anything; needs no running Belay.",
  arguments: [{ name: "[file]", summary: "The manifest; by default belay.yml in this folder." }],

  async run({ io, positionals, print, printJson, isJson }) {
    const file = positionals[0] ?? manifestFile;
    const text = readManifestText(io.cwd, file);
    if (text === undefined) throw manifestMissing(io.cwd, file);
    const parsed = parseManifest(text, file);
    if (!parsed.ok) {
      if (!isJson) throw invalidManifest(parsed.problems);
      printJson(parsed);
      return exitCodes.error;
    }
    const { manifest } = parsed;
    const folder = dirname(resolve(io.cwd, file));
    const files = await openProjectFiles(folder);
    const findings = await checkManifest({ manifest, file: basename(file), folder, files, userPath: io.env["PATH"] ?? "" });
    const failed = findings.filter(({ level }) => level === "fail");
    if (isJson) {
      printJson({ ...parsed, ok: failed.length === 0, findings });
      return failed.length === 0 ? exitCodes.done : exitCodes.error;
    }
    const steps = manifest.plan.steps?.map(describeStep).join(", ") ?? "planned from the traffic";
    print(`${file} is valid: service ${manifest.service}; environments ${describeEnvironments(manifest)}; steps ${steps}`);
    print(describeFindings(findings));
    if (failed.length > 0) throw checkFailed(failed);
    return undefined;
  },
};

function checkFailed(failed: readonly Finding[]): BelayError {
  return new BelayError({
    code: "BELAY_CHECK_FAILED",
    message: `${failed.length === 1 ? "a check" : `${failed.length} checks`} failed: ${failed.map(({ about }) => about).join(", ")}`,
    next: "Do what is written below each of them; a deploy would not get further.",
  });
}

function describeEnvironments({ environments }: Manifest): string {
  return Object.entries(environments)
    .map(([name, { after }]) => (after === null ? name : `${name} (after ${after})`))
    .join(", ");
}
