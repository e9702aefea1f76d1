import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { parse } from "yaml";
import { createProgram, type Invocation } from "../../../src/cli/program.ts";

interface Workflow {
  readonly jobs: Readonly<Record<string, { readonly steps: readonly { readonly run?: string }[] }>>;
}

const workflow: Workflow = parse(readFileSync(join(import.meta.dirname, "../deploy.yml"), "utf8"));

/** The words of each command line of Belay in the workflow, in order. */
const commandLines = Object.values(workflow.jobs)
  .flatMap(({ steps }) => steps.flatMap(({ run = "" }) => run.split("\n")))
  .map((line) => line.trim().replace(/ >.*$/, ""))
  .filter((line) => line.startsWith("belay "))
  .map((line) => line.replaceAll('"', "").split(" ").slice(1));

test("the command line knows every command and option of the workflow", () => {
  const asked: Invocation[] = [];
  const silent = { write: () => {} };
  for (const words of commandLines) {
    createProgram({ onCommand: (invocation) => asked.push(invocation), stdout: silent, stderr: silent }).parse(words, {
      from: "user",
    });
  }
  assert.deepEqual(
    asked.map(({ command }) => command.name),
    ["check", "build", "deploy"],
  );
});

test("what is deployed is the file that was built, named by its sha256", () => {
  const [, build, deploy] = commandLines;
  const file = build?.[build.indexOf("--output") + 1];
  assert.equal(deploy?.[deploy.indexOf("--bundle") + 1], file);
  assert.ok(deploy?.includes("--sha256"));
});
