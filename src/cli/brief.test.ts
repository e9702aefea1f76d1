import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { BelayError } from "../errors.ts";
import { type Brief, briefQuestions, parseBrief } from "../rollout/brief.ts";
import { type Desk, openDesk } from "./cli.fixture.ts";

const manifest = `version: 1
service: shop
run: { command: node server.js }
environments: { production: { routes: [{ host: "*" }] } }
owners: [shop team]
tasks: { migrate: { command: npm run migrate } }
`;

const brief = Object.fromEntries(briefQuestions.map(({ key }) => [key, `about ${key}`])) as Brief;

/** A repository, before a control plane that wants a brief. */
async function openAsking(t: TestContext): Promise<{ readonly desk: Desk; readonly sent: unknown[] }> {
  const desk = await openDesk(t);
  writeFileSync(join(desk.folder, "belay.yml"), manifest);
  writeFileSync(join(desk.folder, ".gitignore"), "*\n!belay.yml\n!.gitignore\n");
  const git = (...words: readonly string[]) =>
    execFileSync("git", ["-c", "user.name=t", "-c", "user.email=t@example.com", ...words], { cwd: desk.folder });
  git("init", "--quiet");
  git("add", "--all");
  git("commit", "--quiet", "--message", "first");
  const sent: unknown[] = [];
  const { deploy } = desk.inside.controlPlane;
  const asking: typeof deploy = async (request, actor) => {
    sent.push(request.brief);
    if (request.brief !== undefined) return deploy(request, actor);
    throw new BelayError({ code: "BELAY_BRIEF_NEEDED", message: "a release brief is needed: the risk is high", next: "Answer." });
  };
  Object.assign(desk.inside.controlPlane, { deploy: asking });
  return { desk, sent };
}

test("the template has the six questions and what belay.yml knows, and is no brief before it is answered", async (t) => {
  const { desk } = await openAsking(t);
  const { stdout } = await desk.run("brief");
  assert.ok(!parseBrief(stdout).ok);
  assert.match(stdout, /belay\.yml names shop team\./);
  assert.match(stdout, /`belay rollback shop` brings the release before back\.\n +It does not undo the task migrate\./);
  const answered = stdout.replaceAll(/^(## .*)$/gm, "$1\n\nan answer");
  assert.ok(parseBrief(answered).ok);
});

test("without a brief a deploy ends with exit code 4 and the command; with the file it is sent", async (t) => {
  const { desk, sent } = await openAsking(t);
  const refused = await desk.run("deploy", "--no-follow");
  assert.equal(refused.code, 4);
  assert.match(refused.stderr, /a release brief is needed: the risk is high/);
  const text = briefQuestions.map(({ key, heading }) => `# ${heading}\n${brief[key]}\n`).join("");
  writeFileSync(join(desk.folder, "brief.md"), text.replace(brief.owner, ""));
  const incomplete = await desk.run("deploy", "--no-follow", "--brief", "brief.md");
  assert.equal(incomplete.code, 4);
  assert.match(incomplete.stderr, /brief\.md: "Who looks after it\?" has no answer/);
  writeFileSync(join(desk.folder, "brief.md"), text);
  const started = await desk.run("deploy", "--no-follow", "--brief", "brief.md");
  assert.equal(started.code, 0, started.stderr);
  assert.deepEqual(sent, [undefined, brief]);
});

test("in a terminal the questions are asked, and the answers sent", async (t) => {
  const { desk, sent } = await openAsking(t);
  desk.isTerminal = true;
  for (const { key, heading } of briefQuestions) desk.answers[heading] = brief[key];
  const started = await desk.run("deploy", "--no-follow");
  assert.equal(started.code, 0, started.stderr);
  assert.deepEqual(sent, [undefined, brief]);
});
