import type { CheckFinding } from "../rollout/check-result.ts";
import { type Contract, openContract } from "./answer-contract.ts";
import { type Check, type Outcome, type Subject, skipped, unchecked } from "./check.ts";
import { readDocument } from "./conformance.ts";
import { hashOf } from "./file-tree.ts";
import { type Recording, readRecordings } from "./mock-recordings.ts";
import type { Operation } from "./openapi-document.ts";
import { namesFile } from "./policy.ts";

const recordingsMax = 5_000;
const fileBytesMax = 16 * 1024 * 1024;

export const mocks: Check = {
  name: "mocks",
  finds:
    "Recorded answers, by which others test without the service, that are not what the OpenAPI document says: JSON files named by their operation, and saved examples of Postman collections.",
  runs: "Where `checks.api.mocks` names the files.",
  timeoutMs: ({ api }) => api?.timeoutMs ?? 1,

  async run(subject: Subject, signal): Promise<Outcome> {
    const spec = subject.manifest.checks.api;
    if (spec?.openapi == null || spec.mocks.length === 0) return skipped("checks.api.mocks names no files");
    if (subject.source === null) return skipped("the source is not here, only what was built of it");
    const missing = spec.mocks.find((glob) => subject.source?.files.every(({ path }) => !namesFile(glob, path)));
    if (missing !== undefined) return unchecked(`${missing} names no file`, "Correct checks.api.mocks, or commit the files.");
    const read = await readDocument(subject, spec.openapi);
    if ("kind" in read) return read;
    const { document } = read;
    const contract = await openContract(document);
    const files = subject.source.files.filter(
      ({ path, link }) => link === undefined && spec.mocks.some((glob) => namesFile(glob, path)),
    );
    const findings: CheckFinding[] = [];
    const texts: string[] = [read.text];
    let inspected = 0;
    for (const { path, bytes } of files) {
      signal.throwIfAborted();
      const text = bytes > fileBytesMax ? "" : ((await subject.source.read(path))?.toString("utf8") ?? "");
      texts.push(text);
      const recordings = readRecordings(path, text, document);
      if ("problem" in recordings) {
        findings.push({
          rule: "unchecked",
          level: "fail",
          message: recordings.problem,
          fix: "Mend the file, or leave it out of checks.api.mocks.",
          file: path,
        });
        continue;
      }
      for (const recording of recordings.recordings.slice(0, recordingsMax - inspected)) {
        inspected += 1;
        findings.push(...holdRecording(contract, recording).map((found) => ({ ...found, file: path })));
      }
    }
    const note = inspected === recordingsMax ? `no more than ${recordingsMax} are looked at` : `of ${files.length} files`;
    return { kind: "inspected", inspected, noun: "recorded answers", findings, inputsSha256: hashOf(...texts), note };
  },
};

function holdRecording(contract: Contract, { operation, name, answer }: Recording): readonly CheckFinding[] {
  if (operation === null) {
    const fix = "Name it as the document names the operation, or remove what there is no operation for any more.";
    return [{ rule: "unknown-operation", level: "fail", message: `${name} is of no operation of the document`, fix }];
  }
  const mocked = "Record it anew, or write in the document what is answered.";
  return contract.judge(operation, answer).map((found) => ({
    ...found,
    message: `${nameOf(operation, name)}: ${found.message}`,
    fix: found.rule === "unchecked" ? found.fix : mocked,
  }));
}

function nameOf(operation: Operation, name: string): string {
  return name === "" ? operation.name : `${operation.name} (${name})`;
}
