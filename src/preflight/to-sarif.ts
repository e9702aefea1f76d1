import type { CheckFinding, CheckResult } from "../rollout/check-result.ts";

/**
 * All results as one SARIF 2.1.0 document, for GitHub code scanning and any other reader. What could not be checked is a
 * notification of a run that did not succeed, never a run without results.
 */
export function toSarif(results: readonly CheckResult[], { version }: { readonly version: string }): object {
  const told = results.flatMap(({ check, findings }) => findings.map((finding) => ({ check, finding })));
  const rules = [...new Map(told.map(({ check, finding }) => [`${check}/${finding.rule}`, finding])).entries()];
  const unchecked = results.filter(({ status }) => status === "error");
  return {
    $schema: "https://json.schemastore.org/sarif-2.1.0.json",
    version: "2.1.0",
    runs: [
      {
        tool: {
          driver: {
            name: "belay",
            semanticVersion: version,
            rules: rules.map(([id, { level, message, fix }]) => ({
              id,
              shortDescription: { text: message },
              help: { text: fix },
              defaultConfiguration: { level: sarifLevel(level) },
            })),
          },
        },
        invocations: [
          {
            executionSuccessful: unchecked.length === 0,
            toolExecutionNotifications: unchecked.map(({ check, summary }) => ({
              level: "error",
              message: { text: `${check} could not be checked: ${summary}` },
            })),
          },
        ],
        results: told.map(({ check, finding }) =>
          toResult(
            check,
            finding,
            rules.findIndex(([id]) => id === `${check}/${finding.rule}`),
          ),
        ),
      },
    ],
  };
}

function toResult(check: string, finding: CheckFinding, ruleIndex: number): object {
  const { rule, level, message, fix, file, waived } = finding;
  return {
    ruleId: `${check}/${rule}`,
    ruleIndex,
    level: sarifLevel(level),
    message: { text: `${message}. ${fix}` },
    locations: file === undefined ? [] : [toLocation(finding, file)],
    ...(waived === undefined
      ? {}
      : {
          suppressions: [
            { kind: "external", status: "accepted", justification: `${waived.reason} (${waived.by}, until ${waived.until})` },
          ],
        }),
  };
}

function toLocation({ line, column }: CheckFinding, file: string): object {
  const region =
    line === undefined ? {} : { region: { startLine: line, ...(column === undefined ? {} : { startColumn: column }) } };
  const uri = file.split("/").map(encodeURIComponent).join("/");
  return { physicalLocation: { artifactLocation: { uri, uriBaseId: "%SRCROOT%" }, ...region } };
}

function sarifLevel(level: CheckFinding["level"]): "error" | "warning" {
  return level === "fail" ? "error" : "warning";
}
