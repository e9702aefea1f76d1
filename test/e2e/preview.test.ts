import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { request } from "undici";
import { jsonOf } from "./belay-command.ts";
import { openScene, type Scene } from "./scene.ts";
import { createRepository } from "./shop-repository.ts";
import { createSmallService } from "./small-service.ts";
import { waitFor } from "./wait.ts";

const host = "hello.example.com";

const manifest = `version: 1
service: hello
run: { command: node server.js, health: / }
environments:
  production: { routes: [{ host: ${host} }], trustedProxies: [127.0.0.1] }
cohorts:
  internal:
    - { path: /never, network: 203.0.113.0/24, member: false }
    - { network: 203.0.113.0/24 }
    - { header: { x-team: hello } }
rollout:
  steps: [{ cohort: internal, minHold: 30m }, { weight: 5%, minHold: 30m }]
`;

/** Answers its own words, and what it was sent that it should never see. */
function serverOf(words: string): string {
  return `const { createServer } = require("node:http");
const server = createServer((request, response) => {
  const leaked = [...Object.keys(request.headers).filter((name) => name.startsWith("belay")), ...(request.headers.cookie ?? "").match(/belay_/g) ?? []];
  response.end(${JSON.stringify(words)} + leaked.join());
});
server.listen(Number(process.env.PORT), process.env.HOST);
process.once("SIGTERM", () => server.close());
`;
}

interface Page {
  readonly status: number;
  readonly text: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

async function get(url: string, headers: Readonly<Record<string, string>> = {}): Promise<Page> {
  const answer = await request(url, { headers: { host, ...headers } });
  return { status: answer.statusCode, text: await answer.body.text(), headers: answer.headers };
}

async function refusals(scene: Scene): Promise<Readonly<Record<string, number>>> {
  return (await scene.serviceStatus("hello")).previewRefusals;
}

/** The link of `belay preview` as the loopback client opens it: its host is sent as a header. */
async function linkOf(scene: Scene, words: readonly string[] = []): Promise<string> {
  const made = jsonOf(await scene.expectBelay(["preview", "--service", "hello", "--json", ...words])) as {
    readonly link: string;
    readonly target: string;
  };
  assert.match(made.link, new RegExp(`^http://${host}:\\d+/\\.belay/preview\\?link=`));
  return made.target;
}

function cookieIn({ headers }: Page): string {
  const setCookie = [headers["set-cookie"] ?? ""].flat().find((cookie) => cookie.includes("belay_preview")) ?? "";
  assert.match(setCookie, /; Path=\/; Max-Age=\d+; HttpOnly; SameSite=Lax$/);
  return setCookie.split(";", 1)[0] ?? "";
}

test("a cohort alone meets the release first, and a link shows it to one person, once, at weight 0", async (t) => {
  const scene = openScene(t);
  const repository = await createRepository(join(scene.place.folder, "hello"));
  await repository.commitFile("belay.yml", manifest);
  await repository.commitFile("server.js", serverOf("one"));
  await scene.up();
  assert.equal((await scene.deploy(repository)).outcome, "promoted");
  const other = await createSmallService(scene, { name: "other", server: serverOf("other") });
  assert.equal((await scene.deploy(other)).outcome, "promoted");
  const url = await scene.baseUrl();
  const refused = await scene.belay(["preview", "--service", "hello"]);
  assert.match(refused.stderr, /BELAY_PREVIEW_NOT_RUNNING/);

  await repository.commitFile("server.js", serverOf("two"));
  await scene.expectBelay(["deploy", "--until", "started"], { cwd: repository.folder });
  const step = await waitFor("the cohort's step", async () => {
    const { rollout } = await scene.serviceStatus("hello");
    return rollout?.phase.name === "progressing" ? rollout : undefined;
  });
  assert.equal(step.weight, 0);
  await scene.waitForWorkers(step.rollout, "candidate-ready");
  assert.equal((await get(url, { "x-team": "hello" })).text, "two");
  assert.equal((await get(url, { "x-forwarded-for": "203.0.113.9" })).text, "two");
  assert.equal((await get(`${url}/never`, { "x-forwarded-for": "203.0.113.9" })).text, "one");
  assert.equal((await get(url, { "x-team": "other" })).text, "one");
  for (let visitor = 0; visitor < 40; visitor += 1) assert.equal((await get(url)).text, "one");
  const counted = await waitFor("the cohort's counts", async () => {
    const evidence = (await scene.serviceStatus("hello")).rollout?.evidence;
    return (evidence?.cohort?.requests ?? 0) >= 2 ? evidence : undefined;
  });
  assert.equal(counted.canary.requests, 0, "nobody of the cohort is in the comparison");
  assert.match((await scene.expectBelay(["status"])).stdout, /cohort internal\); cohort: \d+ visitors?, 0 failed/);

  await scene.expectBelay(["pause", "hello"]);
  await waitFor("stable for the cohort", async () => (await get(url, { "x-team": "hello" })).text === "one");
  const link = await linkOf(scene);
  // Both workers, and each more than once: one of them gets it.
  const opened = await Promise.all(Array.from({ length: 8 }, () => get(`${url}${link}`)));
  const [accepted] = opened.filter(({ status }) => status === 303);
  assert.deepEqual(opened.map(({ status }) => status).sort(), [303, 403, 403, 403, 403, 403, 403, 403]);
  assert.ok(accepted !== undefined);
  assert.equal(accepted.headers["location"], "/");
  const cookie = cookieIn(accepted);
  const seen = await get(url, { cookie, "belay-release": "mine" });
  assert.equal(seen.text, "two", "and nothing of Belay's own reached the instance");
  assert.equal(seen.headers["belay-release"], step.release);
  const unseen = await get(url);
  assert.equal(unseen.text, "one");
  assert.equal(unseen.headers["belay-release"], undefined);

  const forged = await get(`${url}${link.slice(0, -4)}AAAA`);
  assert.equal(forged.status, 403);
  assert.equal((await get(url, { cookie: `${cookie.slice(0, -4)}AAAA` })).text, "one");
  const foreign = await linkOf(scene);
  assert.equal((await get(`${url}${foreign}`, { host: "other.example.com" })).status, 403);
  const brief = cookieIn(await get(`${url}${await linkOf(scene, ["--for", "1s"])}`));
  await waitFor("the end of a second", async () => (await get(url, { cookie: brief })).text === "one");
  const counts = await waitFor("the counts", async () => {
    const now = await refusals(scene);
    const isWhole = (now["forged"] ?? 0) >= 2 && (now["expired"] ?? 0) >= 1 && (now["replayed"] ?? 0) >= 7;
    return isWhole ? now : undefined;
  });
  assert.equal(counts["replayed"], 7);
  const foreigners = await waitFor("the foreign link", async () => (await scene.serviceStatus("other")).previewRefusals.foreign);
  assert.equal(foreigners, 1);
  const status = (await scene.expectBelay(["status"])).stdout;
  assert.match(status, /preview of \S+ by \S+: used .*, seen until/);
  assert.match(status, /previews refused: .*7 replayed/);

  const next = await linkOf(scene);
  await scene.expectBelay(["preview", "--rotate-keys"]);
  const kept = cookieIn(await get(`${url}${next}`));
  assert.equal((await get(url, { cookie })).text, "two", "an ordinary rotation ends nothing");
  assert.equal((await get(url, { cookie: kept })).text, "two");
  await scene.expectBelay(["preview", "--rotate-keys", "--revoke"]);
  await waitFor("the end of what was revoked", async () => (await get(url, { cookie })).text === "one");
  const last = cookieIn(await get(`${url}${await linkOf(scene)}`));
  assert.equal((await get(url, { cookie: last })).text, "two");
  await scene.expectBelay(["abort", "hello"]);
  await waitFor("the end of the rollout", async () => (await get(url, { cookie: last })).text === "one");
});
