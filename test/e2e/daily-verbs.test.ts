import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { jsonOf } from "./belay-command.ts";
import { getPage } from "./get-page.ts";
import { openScene } from "./scene.ts";
import { createRepository } from "./shop-repository.ts";
import { waitFor } from "./wait.ts";

const manifest = `version: 1
service: hello
run: { command: node server.js, health: / }
environments:
  production: { routes: [{ host: hello.example.com }] }
`;

function serverOf(words: string): string {
  return `const { createServer } = require("node:http");
const server = createServer((request, response) => {
  if (request.headers.host === "hello.example.com") console.log(new Date().toISOString(), ${JSON.stringify(words)}, request.url);
  response.end(${JSON.stringify(words)});
});
server.listen(Number(process.env.PORT), process.env.HOST);
process.once("SIGTERM", () => server.close());
`;
}

test("a day with one service: logs are followed over a release, maintenance goes on and off, releases are listed, rollback says how", async (t) => {
  const scene = openScene(t);
  const repository = await createRepository(join(scene.place.folder, "hello"));
  await repository.commitFile("belay.yml", manifest);
  await repository.commitFile("server.js", serverOf("one"));
  await scene.up();
  const first = await scene.deploy(repository);
  const url = await scene.baseUrl();

  const followed: string[] = [];
  const ending = new AbortController();
  t.after(() => ending.abort());
  const following = scene
    .belay(["logs", "hello", "-f", "--grep", "visit"], { signal: ending.signal, onLine: (line) => followed.push(line) })
    .catch((cause: unknown) => cause);
  await getPage(`${url}/visit-1`, "hello.example.com");
  await waitFor("the first line", () => followed.some((line) => line.includes("one /visit-1")));

  await repository.commitFile("server.js", serverOf("two"));
  const starting = scene.deploy(repository);
  await waitFor("the second rollout", async () => (await scene.status()).services[0]?.rollout?.phase.name === "progressing");
  await scene.expectBelay(["promote", "hello", "--skip-analysis"]);
  const second = await starting;
  assert.equal(second.outcome, "promoted", second.reason);
  await getPage(`${url}/visit-2`, "hello.example.com");
  await waitFor("a line of the new release", () => followed.some((line) => line.includes("two /visit-2")));
  assert.match(followed.find((line) => line.includes("two")) ?? "", new RegExp(`^${second.release}/0 \\| `));
  ending.abort();
  await following;
  assert.equal(followed.length, new Set(followed).size, "no line came twice");
  await sleep(1_100);
  assert.doesNotMatch((await scene.expectBelay(["logs", "hello", "--since", "1s"])).stdout, /visit/);

  await scene.expectBelay(["maintenance", "on", "hello", "--message", "moving house"]);
  const answer = await getPage(url, "hello.example.com");
  assert.equal(answer.status, 503);
  assert.equal(answer.headers["retry-after"], "60");
  assert.match(answer.text, /moving house/);
  assert.match((await scene.expectBelay(["status"])).stdout, /maintenance since/);
  await scene.expectBelay(["maintenance", "off", "hello"]);
  assert.equal((await getPage(url, "hello.example.com")).text, "two");

  const listed = jsonOf(await scene.expectBelay(["releases", "hello", "--json"])) as {
    readonly releases: readonly { readonly release: string; readonly state: string }[];
  };
  assert.deepEqual(
    listed.releases.map(({ release, state }) => [release, state]),
    [
      [second.release, "stable"],
      [first.release, "warm"],
    ],
  );
  for (const words of [
    ["releases", "nope"],
    ["status", "nope"],
    ["logs", "nope"],
  ])
    assert.match((await scene.expectBelay(words, { code: 1 })).stderr, /BELAY_SERVICE_UNKNOWN/, words.join(" "));
  assert.match(
    (await scene.expectBelay(["logs", "hello", "--release", "zz"], { code: 1 })).stderr,
    /hello has no release zz in production[\s\S]*BELAY_RELEASE_UNKNOWN/,
  );
  assert.match((await scene.expectBelay(["status", "hello"])).stdout, /hello +production/);
  assert.match(
    (await scene.expectBelay(["explain"], { cwd: repository.folder })).stdout,
    new RegExp(`^hello ${second.release} in production: promoted`),
  );

  const back = await scene.expectBelay(["rollback", "hello"]);
  assert.match(back.stdout, new RegExp(`^${first.release} is warm: .*milliseconds`));
  assert.equal((await getPage(url, "hello.example.com")).text, "one");
  const forth = await scene.expectBelay(["rollback", "hello", "--to", second.release ?? ""], { code: 1 });
  assert.match(forth.stderr, /hello went back from .*Run `belay deploy` from its commit.*BELAY_ROLLBACK_GONE_BACK_FROM/s);
  assert.match((await scene.expectBelay(["releases", "hello"])).stdout, /gone back from: deploy its commit/);
  assert.match((await scene.expectBelay(["logs", "hello", "--release", second.release ?? ""])).stdout, /two/);
});
