import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { sendSignal } from "../../src/ports/processes.ts";
import { pidsOf } from "./belay-processes.ts";
import { getPage } from "./get-page.ts";
import { openScene, type Scene } from "./scene.ts";
import { createRepository } from "./shop-repository.ts";
import { waitFor } from "./wait.ts";

const manifest = `version: 1
service: hello
run: { command: node server.js, health: / }
environments:
  production: { routes: [{ host: hello.example.com }] }
expose: all
rollout: { steps: [{ weight: 90%, minHold: 10m }], lease: 60s }
`;

function serverOf(words: string): string {
  return `const { createServer } = require("node:http");
const server = createServer((_request, response) => response.end(${JSON.stringify(words)}));
server.listen(Number(process.env.PORT), process.env.HOST);
process.once("SIGTERM", () => server.close());
`;
}

/** What many new visitors get, as they come. */
async function pagesOf(url: string): Promise<readonly string[]> {
  return Promise.all(Array.from({ length: 40 }, async () => (await getPage(url, "hello.example.com")).text));
}

function freeze(scene: Scene): number {
  const [pid = 0] = pidsOf(scene.place.dataFolder, "control");
  assert.ok(sendSignal(pid, "SIGSTOP"));
  return pid;
}

test("rollback --direct goes back while the control plane hangs, to the warm release and from a running rollout, and is recorded later", async (t) => {
  const scene = openScene(t);
  const repository = await createRepository(join(scene.place.folder, "hello"));
  await repository.commitFile("belay.yml", manifest);
  await repository.commitFile("server.js", serverOf("one"));
  await scene.up();
  const first = await scene.deploy(repository);
  const url = await scene.baseUrl();
  const listen = url.replace("http://", "");
  assert.match((await scene.expectBelay(["rollback", "hello", "--direct"], { code: 1 })).stderr, /BELAY_DIRECT_NOT_NEEDED/);

  await repository.commitFile("server.js", serverOf("two"));
  await scene.expectBelay(["deploy", "--no-follow"], { cwd: repository.folder });
  await waitFor("the step", async () => (await scene.status()).services[0]?.rollout?.phase.name === "progressing");
  await scene.expectBelay(["promote", "hello", "--skip-analysis"]);
  const second = (await waitFor("the promotion", async () => {
    const rollout = (await scene.status()).services[0]?.rollout;
    return rollout?.outcome === "promoted" ? rollout.release : undefined;
  })) as string;
  assert.deepEqual(new Set(await pagesOf(url)), new Set(["two"]));

  freeze(scene);
  const back = await scene.expectBelay(["rollback", "hello", "--direct", "--reason", "it burns"]);
  assert.match(back.stdout, new RegExp(`from ${second} to ${first.release}; 2 proxy workers`));
  await waitFor("everyone is back", async () => (await pagesOf(url)).every((page) => page === "one"), { deadlineMs: 30_000 });

  await scene.up(["--listen", listen]);
  for (let look = 0; look < 5; look += 1) assert.deepEqual(new Set(await pagesOf(url)), new Set(["one"]), "it stays so");
  const status = (await scene.status()).services[0];
  assert.equal(status?.stable?.id, first.release);
  assert.equal(status?.rollout?.kind, "rollback");
  assert.equal(status?.rollout?.outcome, "promoted");
  assert.match(
    (await scene.expectBelay(["history"])).stdout,
    /\(direct\).*rolled back to release .* without a control plane: it burns/,
  );
  assert.match((await scene.expectBelay(["history", "--verify"])).stdout, /consistent/);

  await repository.commitFile("server.js", serverOf("three"));
  await scene.expectBelay(["deploy", "--no-follow"], { cwd: repository.folder });
  await waitFor("new visitors on the canary", async () => (await pagesOf(url)).includes("three"));
  freeze(scene);
  await scene.expectBelay(["rollback", "hello", "--direct"]);
  await waitFor("nobody on the canary", async () => (await pagesOf(url)).every((page) => page === "one"), { deadlineMs: 30_000 });
  await scene.up(["--listen", listen]);
  const aborted = await waitFor("the abort", async () => {
    const rollout = (await scene.status()).services[0]?.rollout;
    return rollout?.outcome === "aborted" ? rollout : undefined;
  });
  assert.equal(aborted.by, "person");
  assert.deepEqual(new Set(await pagesOf(url)), new Set(["one"]));
});
