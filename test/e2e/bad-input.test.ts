import assert from "node:assert/strict";
import { once } from "node:events";
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import type { CommandResult } from "./belay-command.ts";
import { openScene, type Scene } from "./scene.ts";
import { createRepository, createShopRepository, shopManifest } from "./shop-repository.ts";
import { waitFor } from "./wait.ts";

/** Every refusal says what, with which code, and what to do next. */
function assertRefused(result: CommandResult, code: RegExp, exitCode: number): void {
  const text = result.stdout + result.stderr;
  assert.equal(result.code, exitCode, text);
  assert.match(text, code);
  assert.doesNotMatch(text, /\n\s+at .*\.ts:\d+/, "a stack is for bugs");
}

async function deployFiles(scene: Scene, name: string, files: Readonly<Record<string, string>>): Promise<CommandResult> {
  const repository = await createRepository(join(scene.place.folder, name));
  for (const [file, content] of Object.entries(files)) await repository.commitFile(file, content);
  return scene.belay(["deploy"], { cwd: repository.folder });
}

const server = `require("node:http").createServer((_, response) => response.end("ok")).listen(process.env.PORT, process.env.HOST)`;
const manifest = (run: string, release = "") => `version: 1
service: hello
run: ${run}
${release}environments:
  production: { routes: [{ host: hello.example.com }] }
`;

test("what cannot be deployed is refused with a code and the next step, and nothing is left half done", async (t) => {
  const scene = openScene(t);
  await scene.up();

  await t.test("a manifest with three mistakes names all of them, with line and column", async () => {
    const text = `version: 1
servise: hello
run: { command: node server.js, health: healthz }
environments:
  production: { routes: [{ host: "not a host" }] }
`;
    const result = await deployFiles(scene, "manifest", { "belay.yml": text });
    assertRefused(result, /BELAY_MANIFEST_INVALID/, 1);
    const output = result.stdout + result.stderr;
    for (const place of ["belay.yml:2:1", "belay.yml:3:", "belay.yml:5:"])
      assert.ok(output.includes(place), `${place} in ${output}`);
    assert.match(output, /service/);
  });

  await t.test("a build that fails shows its last lines", async () => {
    const files = {
      "server.js": server,
      "belay.yml": manifest(
        "{ command: node server.js, health: / }",
        'release: { build: "echo no such compiler >&2; exit 3" }\n',
      ),
    };
    const result = await deployFiles(scene, "build", files);
    assertRefused(result, /BELAY_RELEASE_BUILD_FAILED/, 4);
    assert.match(result.stdout + result.stderr, /no such compiler/);
  });

  await t.test("a command that does not exist", async () => {
    const result = await deployFiles(scene, "missing", {
      "belay.yml": manifest("{ command: no-such-program --serve, health: /, startTimeout: 20s }"),
    });
    assert.equal(result.code, 3, result.stdout + result.stderr);
    assert.match(result.stdout + result.stderr, /no-such-program/);
  });

  await t.test("a service that is never healthy shows what it wrote last", async () => {
    const ill = `console.error("cannot reach the moon"); ${server.replace('response.end("ok")', 'response.writeHead(503).end("ill")')}`;
    const result = await deployFiles(scene, "ill", {
      "server.js": ill,
      "belay.yml": manifest("{ command: node server.js, health: /, startTimeout: 6s }"),
    });
    assert.equal(result.code, 3, result.stdout + result.stderr);
    assert.match(result.stdout + result.stderr, /cannot reach the moon/);
  });

  await t.test("a folder that is no repository", async () => {
    const folder = join(scene.place.folder, "nothing");
    mkdirSync(folder);
    assertRefused(await scene.belay(["deploy"], { cwd: folder }), /BELAY_RELEASE_NO_REPOSITORY/, 1);
  });

  await t.test("unknown names", async () => {
    assertRefused(await scene.belay(["promote", "nothing"]), /BELAY_SERVICE_UNKNOWN/, 1);
    assertRefused(await scene.belay(["rollback", "nothing"]), /BELAY_SERVICE_UNKNOWN/, 1);
    assert.equal((await scene.belay(["deplyo"])).code, 2);
  });

  await t.test("a second deploy of the same service, at the same time", async () => {
    const repository = await createShopRepository(join(scene.place.folder, "shop"), {
      steps: "[{ weight: 5%, minHold: 10m }]",
      instances: 1,
    });
    await scene.deploy(repository);
    await repository.commitRelease("good");
    const deploying = scene.deploy(repository, { code: 3 });
    await scene.waitForRollout("the first is under way", ({ phase }) => phase.name === "progressing");
    await repository.commitRelease("failing");
    assertRefused(await scene.belay(["deploy"], { cwd: repository.folder }), /BELAY_ROLLOUT_RUNNING/, 1);
    await scene.expectBelay(["abort", "shop"]);
    assert.equal((await deploying).outcome, "aborted");
  });

  await t.test("uncommitted changes", async () => {
    const folder = join(scene.place.folder, "shop");
    writeFileSync(join(folder, "belay.yml"), shopManifest(`${folder}.db`, { bake: "9s" }));
    const result = await scene.belay(["deploy"], { cwd: folder });
    assertRefused(result, /BELAY_RELEASE_DIRTY/, 1);
    assert.match(result.stdout + result.stderr, /--allow-dirty/);
  });

  await t.test("and after all of it nothing runs that does not serve", async () => {
    // What was given up is drained first.
    await waitFor("nothing else runs", async () => {
      const { services } = await scene.status();
      const others = services.flatMap(({ instances, stable, warm }) =>
        instances.filter(({ release }) => ![stable?.id, warm?.id].includes(release)),
      );
      assert.deepEqual(others, []);
      return true;
    });
  });
});

test("up refuses a port in use, a folder of a newer version and one that it may not write", async (t) => {
  const scene = openScene(t);

  await t.test("a port in use", async () => {
    const other = createServer().listen(0, "127.0.0.1");
    await once(other, "listening");
    const address = other.address();
    const port = typeof address === "object" ? address?.port : undefined;
    const result = await scene.belay(["up", "--listen", `127.0.0.1:${port}`, "--detach"]);
    other.close();
    assertRefused(result, /BELAY_KEEPER_PORT_IN_USE/, 1);
  });

  await t.test("a data folder of a newer version", async () => {
    const folder = join(scene.place.folder, "newer");
    mkdirSync(folder);
    writeFileSync(join(folder, "format.json"), JSON.stringify({ format: 999 }));
    assertRefused(await scene.belay(["up", "--data", folder, "--listen", "127.0.0.1:0", "--detach"]), /BELAY_DATA_NEWER/, 1);
  });

  await t.test("no permission", async () => {
    const folder = join(scene.place.folder, "closed");
    mkdirSync(folder);
    chmodSync(folder, 0o500);
    // Root may write anywhere but below a file.
    const isRoot = process.getuid?.() === 0;
    if (isRoot) writeFileSync(join(folder, "file"), "");
    const data = join(folder, isRoot ? "file/data" : "data");
    assertRefused(
      await scene.belay(["up", "--data", data, "--listen", "127.0.0.1:0", "--detach"]),
      /BELAY_DATA_NO_PERMISSION/,
      1,
    );
  });

  await t.test("a command without a running Belay says how to start it", async () => {
    const result = await scene.belay(["status"]);
    assertRefused(result, /BELAY_[A-Z_]+/, 1);
    assert.match(result.stdout + result.stderr, /belay up/);
  });
});
