import assert from "node:assert/strict";
import { test } from "node:test";
import { createTree, type TextFile } from "./tidy/tree.ts";
import { tidy } from "./tidy.ts";

/** What a marker is called, so that this file carries none of its own. */
const todo = ["TO", "DO"].join("");

/** A small project that breaks no rule. */
const clean: Readonly<Record<string, string>> = {
  "package.json": '{ "scripts": { "start": "node src/main.ts" } }',
  "README.md": "# A project\n\nRead [the errors](docs/reference/errors.md#belay_ledger_conflict).\n",
  "docs/reference/errors.md": "# Error codes\n\n## `BELAY_LEDGER_CONFLICT`\n",
  "src/main.ts": 'import { start } from "./cli/start.ts";\nstart(process.env);\n',
  "src/cli/start.ts": 'import { transition } from "../rollout/transition.ts";\nexport const start = transition;\n',
  "src/rollout/transition.ts": 'import type { Clock } from "../ports/clock.ts";\nexport function transition(clock: Clock) {}\n',
  "src/ports/clock.ts": "export interface Clock {\n  now(): number;\n}\nexport const clock = { now: () => Date.now() };\n",
};

/** The problems of the clean project with some files replaced or added, as `rule file:line`. */
function problemsWith(files: Readonly<Record<string, string>>): readonly string[] {
  const all: TextFile[] = Object.entries({ ...clean, ...files }).map(([path, text]) => ({ path, text }));
  return tidy(createTree(all)).map(({ rule, file, line }) => `${rule} ${file}:${line}`);
}

/** A file that `src/main.ts` uses, so that only what is planted in it is reported. */
function planted(path: string, text: string): readonly string[] {
  return problemsWith({ [path]: text, "test/uses.ts": `import "../${path}";\n` });
}

test("a project that breaks no rule has no problems", () => {
  assert.deepEqual(problemsWith({}), []);
});

test("floors: an import may not go up", () => {
  assert.deepEqual(planted("src/rollout/up.ts", '\nimport { start } from "../cli/start.ts";\n'), ["floors src/rollout/up.ts:2"]);
});

test("floors: routing stands on rollout and not the other way round", () => {
  const table = 'export type { Rollout } from "../rollout/transition.ts";\n';
  assert.deepEqual(planted("src/routing/table.ts", table), []);
  assert.deepEqual(
    problemsWith({
      "src/routing/table.ts": table,
      "src/rollout/transition.ts": 'import "../routing/table.ts";\nimport "../ports/clock.ts";',
    }),
    ["floors src/rollout/transition.ts:1"],
  );
});

test("floors: rooms on one floor do not know each other", () => {
  assert.deepEqual(
    problemsWith({
      "src/proxy/worker.ts": 'import "../ledger/ledger.ts";',
      "src/ledger/ledger.ts": "export {};",
      "src/app/create-app.ts": 'import "../proxy/worker.ts";',
      "test/app.ts": 'import "../src/app/create-app.ts";',
    }),
    ["floors src/proxy/worker.ts:1"],
  );
});

test("floors: keeper and proxy take nothing from control, api or ledger, also not as types or dynamically", () => {
  const rooms = { "src/control/loop.ts": "export {};", "src/api/server.ts": "export {};", "src/ledger/log.ts": "export {};" };
  const uses = {
    "src/keeper/keeper.ts": 'import type { A } from "../control/loop.ts";\nconst b = await import("../api/server.ts");\n',
    "src/proxy/worker.ts": 'export * from "../ledger/log.ts";\n',
    "test/uses.ts": 'import "../src/keeper/keeper.ts";\nimport "../src/proxy/worker.ts";\n',
  };
  assert.deepEqual(problemsWith({ ...rooms, ...uses }), [
    "floors src/keeper/keeper.ts:1",
    "floors src/keeper/keeper.ts:2",
    "floors src/proxy/worker.ts:1",
  ]);
});

test("floors: the command line imports nothing of control", () => {
  const loop = { "src/control/loop.ts": "export {};" };
  assert.deepEqual(problemsWith({ ...loop, "src/cli/start.ts": `${clean["src/cli/start.ts"]}import "../control/loop.ts";\n` }), [
    "floors src/cli/start.ts:3",
  ]);
});

test("floors: another room is entered by its top folder, except from app", () => {
  const docker = { "src/runtimes/docker/start.ts": "export {};" };
  assert.deepEqual(
    problemsWith({
      ...docker,
      "src/control/loop.ts": 'import "../runtimes/docker/start.ts";',
      "test/a.ts": 'import "../src/control/loop.ts";',
    }),
    ["floors src/control/loop.ts:1"],
  );
  assert.deepEqual(
    problemsWith({
      ...docker,
      "src/app/create.ts": 'import "../runtimes/docker/start.ts";',
      "test/a.ts": 'import "../src/app/create.ts";',
    }),
    [],
  );
});

test("floors: a new room needs a floor, and src imports nothing outside src", () => {
  assert.deepEqual(planted("src/attic/box.ts", "export {};"), ["floors src/attic/box.ts:1"]);
  assert.deepEqual(planted("src/rollout/out.ts", 'import "../../bench/load.ts";'), ["floors src/rollout/out.ts:1"]);
});

test("floors: a floor that is written down has a room", () => {
  const missing = problemsWith({ "scripts/tidy/floors.ts": '[\n"rollout",\n"ledger",\n];' });
  assert.ok(missing.includes("floors scripts/tidy/floors.ts:3"), missing.join("\n"));
  assert.ok(!missing.includes("floors scripts/tidy/floors.ts:2"));
});

test("circles: files that need each other to run are told once, and types are no need", () => {
  const circle = {
    "src/rollout/transition.ts": 'import { b } from "./b.ts";\nimport type { Clock } from "../ports/clock.ts";',
    "src/rollout/b.ts": '/** Import. */\nexport {\n  c,\n} from "./c.ts";',
    "src/rollout/c.ts": 'import {\n  start,\n} from "./transition.ts";',
  };
  assert.deepEqual(problemsWith(circle), ["circles src/rollout/b.ts:4"]);
  for (const harmless of ["import type", "export type"])
    assert.deepEqual(problemsWith({ ...circle, "src/rollout/c.ts": `${harmless} {\n  Start,\n} from "./transition.ts";` }), []);
});

for (const use of [
  "Date.now()",
  "new Date(0)",
  "Temporal.Now.instant()",
  "performance.now()",
  "process.hrtime.bigint()",
  "setTimeout(done, 5)",
  "setInterval(done, 5)",
  "setImmediate(done)",
  "AbortSignal.timeout(5)",
  "Math.random()",
  "randomBytes(8)",
  "crypto.randomUUID()",
  "process.env.HOME",
]) {
  test(`outside world: ${use} is for ports, main.ts and tests`, () => {
    const text = `export const value = (done: () => void) =>\n  ${use};\n`;
    assert.deepEqual(planted("src/rollout/now.ts", text), ["outside-world src/rollout/now.ts:2"]);
    assert.deepEqual(planted("src/ports/now.ts", text), []);
    assert.deepEqual(planted("src/rollout/now.test.ts", text), []);
  });
}

test("outside world: words in comments and literals are no uses", () => {
  assert.deepEqual(
    planted("src/rollout/words.ts", "// Date.now() is banned\nexport const text = `Math.random process.env`;\n"),
    [],
  );
});

test("names: folders and files that say nothing, and other forms than kebab-case", () => {
  assert.deepEqual(planted("src/rollout/utils/parts.ts", "export {};"), ["names src/rollout/utils/parts.ts:1"]);
  assert.deepEqual(planted("src/rollout/types.ts", "export {};"), ["names src/rollout/types.ts:1"]);
  assert.deepEqual(planted("src/rollout/index.ts", "export {};"), ["names src/rollout/index.ts:1"]);
  assert.deepEqual(planted("src/rollout/burnRate.ts", "export {};"), ["names src/rollout/burnRate.ts:1"]);
});

test("sizes: a file of 400 lines is the longest", () => {
  assert.deepEqual(planted("src/rollout/long.ts", "export {};\n".repeat(400)), []);
  assert.deepEqual(planted("src/rollout/long.ts", "export {};\n".repeat(401)), ["sizes src/rollout/long.ts:400"]);
});

test("dead files: one that only its own test imports is dead, one that is named as a process's entry is not", () => {
  const dead = { "src/proxy/worker.ts": "export {};", "src/proxy/worker.test.ts": 'import "./worker.ts";' };
  assert.deepEqual(problemsWith(dead), ["dead-files src/proxy/worker.ts:1"]);
  assert.deepEqual(problemsWith({ ...dead, "src/main.ts": 'run("src/proxy/worker.ts");\nimport "./cli/start.ts";' }), []);
});

test("marks: open ends need an issue, tests run, errors are not swallowed", () => {
  assert.deepEqual(planted("src/rollout/a.ts", `// ${todo}: later\n// ${todo}(#7): later\n`), ["marks src/rollout/a.ts:1"]);
  assert.deepEqual(planted("src/rollout/a.test.ts", 'test["x"];\ntest.skip("a", run);\ntest.only("b", run);\n'), [
    "marks src/rollout/a.test.ts:2",
    "marks src/rollout/a.test.ts:3",
  ]);
  assert.deepEqual(planted("src/rollout/b.ts", "try { run(); } catch {}\ntry { run(); } catch { /* gone already */ }\n"), [
    "marks src/rollout/b.ts:1",
  ]);
  assert.deepEqual(planted("src/rollout/c.ts", "// @ts-ignore\nrun(1);\n"), ["marks src/rollout/c.ts:1"]);
});

test("marks: a share is spelled as in belay.yml wherever a person reads it", () => {
  const text = 'say("5 % of visitors");\nsay("5% of visitors");\nconst rest = 7 % 2;\n';
  assert.deepEqual(planted("src/rollout/a.ts", text), ["marks src/rollout/a.ts:1"]);
});

test("marks: a path of somebody's machine stands in no file", () => {
  const folder = ["", "root", "project"].join("/");
  assert.deepEqual(problemsWith({ "docs/page.md": `# Page\n\nLook into ${folder} for it.\n` }), ["marks docs/page.md:3"]);
});

test("markdown: one title a page", () => {
  assert.deepEqual(problemsWith({ "docs/page.md": "# One\n\n# Two\n" }), ["markdown docs/page.md:3"]);
  assert.deepEqual(problemsWith({ "docs/page.md": "## None\n" }), ["markdown docs/page.md:1"]);
  assert.deepEqual(problemsWith({ "docs/page.md": "# One\n\n```sh\n# a comment\n```\n" }), []);
});

test("markdown: links lead to files and headings that exist", () => {
  const links =
    "# Page\n\n[a](../README.md) [b](https://example.com/x) [c](#page)\n[d](gone.md)\n[e](../README.md#gone)\n`[f](gone.md)`\n";
  assert.deepEqual(problemsWith({ "docs/page.md": links }), ["markdown docs/page.md:4", "markdown docs/page.md:5"]);
});

test("error codes: each code in the sources stands in the generated page", () => {
  const known = 'throw new BelayError({ code: "BELAY_LEDGER_CONFLICT", message: "m", next: "n" });\n';
  assert.deepEqual(planted("src/ledger/log.ts", known), []);
  assert.deepEqual(planted("src/ledger/log.ts", `${known}${known.replace("CONFLICT", "LOST")}`), [
    "error-codes src/ledger/log.ts:2",
  ]);
});
