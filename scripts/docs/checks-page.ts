/** A check, as far as its page tells of it. */
interface DescribedCheck {
  readonly name: string;
  readonly finds: string;
  readonly runs: string;
}

/** A table of the checks of preflight, in the order in which they are shown. */
export function describeChecks(folder: readonly DescribedCheck[], release: readonly DescribedCheck[]): string {
  return [
    "# Checks",
    "",
    "What preflight looks at, from the same source as the checks. [Check before anything runs](../preflight.md) says how they are set and what a",
    "result means.",
    "",
    "## In a deploy and in `belay check`",
    "",
    ...table(release),
    "",
    "Scanners and checks of your own have the names that you give them.",
    "",
    "## In `belay check` alone, on the folder",
    "",
    ...table(folder),
    "",
  ].join("\n");
}

function table(checks: readonly DescribedCheck[]): readonly string[] {
  return [
    "| check | what it finds | when it runs |",
    "| --- | --- | --- |",
    ...checks.map(({ name, finds, runs }) => `| \`${name}\` | ${cell(finds)} | ${cell(runs)} |`),
  ];
}

function cell(text: string): string {
  return text.replaceAll("|", "\\|");
}
