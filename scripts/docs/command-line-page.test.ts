import assert from "node:assert/strict";
import { test } from "node:test";
import { Command, Option } from "commander";
import { describeCommandLine } from "./command-line-page.ts";

test("a command is shown with its usage, its arguments and its options", () => {
  const program = new Command("belay").option("--data <folder>", "Where it lies.");
  program
    .command("logs")
    .description("Show lines.")
    .argument("[service]", "Its name.")
    .option("-n, --lines <count>", "How many, one|all.", "100")
    .option("--no-follow", "Return at once.");
  program.command("schema").description("Print the schema.");
  const page = describeCommandLine(program, "Exit codes:\n  0  done");
  assert.match(page, /^# The command line\n/);
  assert.match(page, /\| `--data <folder>` \| Where it lies\. \|\n\n```text\nExit codes:\n {2}0 {2}done\n```\n/);
  assert.equal(
    page.slice(page.indexOf("## `belay logs`")),
    [
      "## `belay logs`",
      "",
      "Show lines.",
      "",
      "```sh",
      "belay logs [service] [options]",
      "```",
      "",
      "| argument | what it is |",
      "| --- | --- |",
      "| `service` | Its name. |",
      "",
      "| option | what it does |",
      "| --- | --- |",
      "| `-n, --lines <count>` | How many, one\\|all. Default: `100`. |",
      "| `--no-follow` | Return at once. |",
      "",
      "## `belay schema`",
      "",
      "Print the schema.",
      "",
      "```sh",
      "belay schema",
      "```",
      "",
    ].join("\n"),
  );
});

test("a command below a command carries both names, and what is hidden is not shown", () => {
  const program = new Command("belay");
  const token = program.command("token").description("Tokens.");
  token.command("make").description("Make one.").argument("<name>", "Whose.");
  token.addOption(new Option("--secret <word>", "Hidden.").hideHelp());
  const page = describeCommandLine(program, "");
  assert.match(page, /## `belay token make`\n\nMake one\.\n\n```sh\nbelay token make <name>\n```/);
  assert.match(page, /```sh\nbelay token\n```/);
  assert.doesNotMatch(page, /--secret/);
});
