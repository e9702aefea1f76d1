import { compareApis } from "./api-compatibility.ts";
import { type Check, type Outcome, quick, type Subject, skipped, unchecked } from "./check.ts";
import { hashOf, readText } from "./file-tree.ts";
import { parseApiDocument } from "./openapi-document.ts";

export const api: Check = {
  name: "api",
  finds:
    "An OpenAPI document that breaks the clients of the release which serves now: paths, operations, answers and their fields that are gone, and requests and parameters that must be more than they had to.",
  runs: "Where `checks.api` names the document. It is compared with the one of the release that serves now.",
  timeoutMs: quick,

  async run({ manifest, source, previous }: Subject): Promise<Outcome> {
    const file = manifest.checks.api?.openapi ?? null;
    if (file === null) return skipped("checks.api names no document");
    if (source === null) return skipped("the source is not here, only what was built of it");
    const text = await readText(source, file);
    if (text === undefined) return unchecked(`there is no ${file}`, "Correct checks.api.openapi, or commit the file.");
    const now = parseApiDocument(text);
    if ("problem" in now) return unchecked(`${file} cannot be compared: ${now.problem}`, "Write an OpenAPI 3.0 or 3.1 document.");
    const inspected = now.document.operations.length;
    const alone = { kind: "inspected", inspected, noun: "operations", findings: [], inputsSha256: hashOf(text) } as const;
    if (previous === null) return { ...alone, note: "nothing serves yet to compare with" };
    const before = await previous.readSource(file);
    if (before === null)
      return unchecked(`the ${file} of ${previous.id} is not here`, "Deploy a commit once, in place of a bundle, so that it is.");
    if (before === undefined) return { ...alone, note: `${previous.id} had no such document` };
    const then = parseApiDocument(before);
    // It serves already, so that only this release can mend it: told, and no error, which would stop that release.
    if ("problem" in then) return { ...alone, findings: [notCompared({ file, release: previous.id, problem: then.problem })] };
    return {
      ...alone,
      note: `compared with ${then.document.operations.length} of ${previous.id}`,
      findings: compareApis(then.document, now.document).map((found) => ({
        ...found,
        fix:
          found.level === "warn"
            ? "See to it that clients can live with it."
            : "Keep what clients know beside the new until they know the new; if none uses it, say so in checks.waivers.",
        file,
      })),
      inputsSha256: hashOf(text, before),
    };
  },
};

function notCompared({ file, release, problem }: { readonly file: string; readonly release: string; readonly problem: string }) {
  return {
    rule: "not-compared",
    level: "warn",
    message: `nothing was compared: the ${file} of ${release}, which serves now, cannot be read: ${problem}`,
    fix: "See by hand that its clients can live with this release; the next one is compared again.",
    file,
  } as const;
}
