import type { Command } from "commander";

/** The page of the command line, from the same objects that parse it and print `--help`. */
export function describeCommandLine(program: Command, exitCodeWords: string): string {
  return [
    "# The command line",
    "",
    "From the same source as `belay --help`. For what to do when, see [deploy your service](../deploy-your-service.md) and",
    "[watch and steer a rollout](../watch-and-steer-a-rollout.md).",
    "",
    "## For every command",
    "",
    ...optionRows(program),
    "```text",
    exitCodeWords,
    "```",
    "",
    ...program.commands.flatMap(describeCommand),
  ].join("\n");
}

function describeCommand(command: Command): readonly string[] {
  return [
    `## \`belay ${nameOf(command)}\``,
    "",
    command.description(),
    "",
    "```sh",
    usageOf(command),
    "```",
    "",
    ...argumentRows(command),
    ...optionRows(command),
    ...command.commands.flatMap(describeCommand),
  ];
}

function usageOf(command: Command): string {
  const usage = [
    nameOf(command),
    ...command.registeredArguments.map((argument) => (argument.required ? `<${argument.name()}>` : `[${argument.name()}]`)),
  ];
  return `belay ${usage.join(" ")}${shownOptions(command).length === 0 ? "" : " [options]"}`;
}

/** With the names of the commands above it, without the program's own. */
function nameOf(command: Command): string {
  const above = command.parent;
  return above === null || above.parent === null ? command.name() : `${nameOf(above)} ${command.name()}`;
}

function argumentRows(command: Command): readonly string[] {
  const rows = command.registeredArguments.map((argument) => `| \`${argument.name()}\` | ${cell(argument.description)} |`);
  return rows.length === 0 ? [] : ["| argument | what it is |", "| --- | --- |", ...rows, ""];
}

function optionRows(command: Command): readonly string[] {
  const rows = shownOptions(command).map((option) => {
    const { defaultValue } = option;
    const fallback =
      defaultValue === undefined || typeof defaultValue === "boolean" ? "" : ` Default: \`${String(defaultValue)}\`.`;
    return `| \`${option.flags}\` | ${cell(option.description)}${fallback} |`;
  });
  return rows.length === 0 ? [] : ["| option | what it does |", "| --- | --- |", ...rows, ""];
}

function shownOptions(command: Command): Command["options"] {
  return command.options.filter((option) => !option.hidden);
}

function cell(text: string): string {
  return text.replaceAll("|", "\\|");
}
