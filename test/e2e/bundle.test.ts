import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { jsonOf } from "./belay-command.ts";
import { getPage } from "./get-page.ts";
import { openScene } from "./scene.ts";
import { createRepository } from "./shop-repository.ts";

const manifest = `version: 1
service: hello
run: { command: node server.js }
release: { build: "echo built > built.txt", include: [server.js, built.txt] }
environments:
  production: { routes: [{ host: hello.example.com }] }
`;
const server = `require("node:http")
  .createServer((_, response) => response.end(require("node:fs").readFileSync("built.txt")))
  .listen(process.env.PORT, process.env.HOST);
`;

interface Built {
  readonly sha256: string;
  readonly release: string;
  readonly commit: string;
}

test("CI builds a bundle without a control plane; deploying it gives the release that a build here would give", async (t) => {
  const scene = openScene(t);
  const repository = await createRepository(join(scene.place.folder, "hello"));
  await repository.commitFile("server.js", server);
  const commit = await repository.commitFile("belay.yml", manifest);
  const bundle = join(scene.place.folder, "hello.bundle");
  const result = await scene.expectBelay(["build", "-o", bundle, "--json"], { cwd: repository.folder });
  const built = jsonOf(result) as Built;
  assert.equal(built.commit, commit);

  await scene.up();
  const words = ["--bundle", bundle, "--sha256", built.sha256];
  // From a folder that is no repository: all that counts came with the bundle.
  const rollout = await scene.deploy({ folder: scene.place.folder }, { words });
  assert.equal(rollout.outcome, "promoted");
  assert.equal(rollout.release, built.release);
  assert.equal((await getPage(await scene.baseUrl(), "hello.example.com")).text, "built\n");
  const release = (await scene.facts(rollout.rollout)).find((fact) => fact.kind === "release-built")?.release;
  assert.equal(release?.built?.kind, "built-by");
  assert.equal(release?.commit, commit);
  assert.match((await scene.expectBelay(["history"])).stdout, new RegExp(`release ${built.release} built by .* on .*`));

  const other = openScene(t);
  await other.up();
  const again = await other.deploy(repository);
  assert.equal(again.release, built.release);
  const here = (await other.facts(again.rollout)).find((fact) => fact.kind === "release-built")?.release;
  assert.deepEqual([here?.built?.kind, here?.digest], ["built-here", release?.digest]);
});

test("a bundle that is not what CI built is refused before anything starts", async (t) => {
  const scene = openScene(t);
  const repository = await createRepository(join(scene.place.folder, "hello"));
  await repository.commitFile("server.js", server);
  await repository.commitFile("belay.yml", manifest);
  const bundle = join(scene.place.folder, "hello.bundle");
  const { sha256 } = jsonOf(await scene.expectBelay(["build", "-o", bundle, "--json"], { cwd: repository.folder })) as Built;
  await scene.up();
  const deploy = (...words: readonly string[]) => scene.expectBelay(["deploy", "--bundle", bundle, ...words], { code: 1 });
  assert.match((await deploy("--sha256", "0".repeat(64))).stderr, /BELAY_BUNDLE_NOT_EXPECTED/);
  assert.match((await deploy("--until", "staging")).stderr, /BELAY_CLI_NO_STAGING/);
  const bytes = readFileSync(bundle);
  bytes[bytes.length - 20] = (bytes[bytes.length - 20] ?? 0) ^ 1;
  writeFileSync(bundle, bytes);
  assert.match((await deploy("--sha256", sha256)).stderr, /BELAY_BUNDLE_CHANGED/);
  assert.equal((await scene.status()).services.length, 0);
  assert.ok(!existsSync(join(scene.place.dataFolder, "bundles")));
});

test("a build that fails says why, keeps its log and leaves no bundle", async (t) => {
  const scene = openScene(t);
  const repository = await createRepository(join(scene.place.folder, "hello"));
  await repository.commitFile("belay.yml", manifest.replace("echo built > built.txt", "echo no luck; exit 3"));
  const { stderr } = await scene.expectBelay(["build"], { cwd: repository.folder, code: 1, env: { TMPDIR: scene.place.folder } });
  const log = /whole output is in (\S+\.log)/.exec(stderr)?.[1] ?? "";
  assert.match(readFileSync(log, "utf8"), /no luck/);
  assert.ok(!existsSync(join(repository.folder, "release.bundle")));
});
