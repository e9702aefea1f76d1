import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { kill, pidsOf } from "./belay-processes.ts";
import { getPage } from "./get-page.ts";
import { openScene, type Scene } from "./scene.ts";
import { createRepository } from "./shop-repository.ts";
import { waitFor } from "./wait.ts";

// Goal: a migration runs once for its release whoever is killed, its failure or interruption leaves stable untouched, and a
// rollback runs none.
// Method: a real migration that notes each of its starts in a file, outside of everything that Belay keeps.

const host = "notes.example.com";

const server = `const { createServer } = require("node:http");
const server = createServer((_, response) => response.end(require("./mode.json").mode));
server.listen(Number(process.env.PORT), process.env.HOST);
process.once("SIGTERM", () => server.close());
`;

/** `wait` ends when the file of that name beside the notes appears; `fail` fails at once. */
const migrate = `const { appendFileSync, existsSync } = require("node:fs");
const { notes, mode } = require("./mode.json");
appendFileSync(notes, process.env.BELAY_RELEASE + " " + process.pid + "\\n");
console.log("migrating for", mode);
if (mode === "fail") {
  console.error("no such column: basket");
  process.exit(1);
}
const look = () => (mode.startsWith("wait") && !existsSync(notes + "." + mode) ? setTimeout(look, 20) : console.log("migrated"));
look();
`;

const manifest = `version: 1
service: notes
run: { command: node server.js, health: / }
tasks: { migrate: { command: node migrate.js, timeout: 2m } }
environments: { production: { routes: [{ host: ${host} }] } }
rollout: { steps: [{ weight: 50%, minHold: 10m }], bake: 1s }
`;

async function openNotes(t: Parameters<typeof openScene>[0]) {
  const scene = openScene(t);
  const notes = join(scene.place.folder, "notes");
  const repository = await createRepository(join(scene.place.folder, "repository"));
  await repository.commitFile("server.js", server);
  await repository.commitFile("migrate.js", migrate);
  await repository.commitFile("belay.yml", manifest);
  await scene.up();
  const url = await scene.baseUrl();
  const starts = () =>
    (existsSync(notes) ? readFileSync(notes, "utf8") : "")
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => ({ release: line.split(" ")[0] ?? "", pid: Number(line.split(" ")[1]) }));
  return {
    scene,
    starts,
    commit: (mode: string) => repository.commitFile("mode.json", JSON.stringify({ notes, mode })),
    release: (mode: string) => writeFileSync(`${notes}.${mode}`, ""),
    deploy: (code: number) => scene.expectBelay(["deploy"], { cwd: repository.folder, code }),
    /** Resolves with the pid of the migration that was started after `count` others. */
    migration: async (count: number) => (await waitFor("the migration has begun", () => starts()[count])).pid,
    page: async () => (await getPage(`${url}/`, host)).text,
  };
}

/** Everybody, now: whether a release is good is not what is tested here. */
async function promote(scene: Scene): Promise<void> {
  const standing = async (names: readonly string[]) =>
    names.includes((await scene.serviceStatus("notes")).rollout?.phase.name ?? "");
  await waitFor("the release has its weight", () => standing(["progressing", "baking"]));
  await scene.expectBelay(["promote", "notes", "--skip-analysis"]);
  await waitFor("it serves everyone", () => standing(["promoted"]));
}

test("a service with a migration, killed in the middle, failing, and gone back from", async (t) => {
  const { scene, starts, commit, release, deploy, migration, page } = await openNotes(t);
  const { dataFolder } = scene.place;

  await t.test("it runs once before the first release, and what it wrote is kept", async () => {
    await commit("first");
    await deploy(0);
    assert.equal(starts().length, 1);
    assert.match((await scene.expectBelay(["logs", "notes", "--task", "migrate"])).stdout, /migrating for first\n.*migrated/);
    assert.equal(await page(), "first");
  });

  await t.test("a control plane that is killed in the middle of it finds it again, and it runs once", async () => {
    await commit("wait-control");
    const deploying = deploy(0);
    await migration(1);
    await kill(pidsOf(dataFolder, "control"));
    release("wait-control");
    await promote(scene);
    await deploying;
    assert.equal(starts().length, 2);
    assert.equal(await page(), "wait-control");
  });

  await t.test("killed in the middle, it holds the rollout, and runs again when a person says that it can", async () => {
    await commit("wait-kill");
    const deploying = deploy(5);
    await kill([await migration(2)]);
    assert.match(
      (await deploying).stdout,
      /nobody knows whether the task migrate.*signal SIGKILL[\s\S]*--task-done.*--retry-task/,
    );
    assert.equal(await page(), "wait-control");
    assert.match((await scene.expectBelay(["resume", "notes"], { code: 1 })).stderr, /BELAY_TASK_INTERRUPTED/);
    await kill(pidsOf(dataFolder, "control"));
    await waitFor("the next control plane holds it too", async () => {
      const { rollout } = await scene.serviceStatus("notes");
      return rollout?.outcome === "held" && rollout.phase.name === "pending";
    });
    assert.equal(starts().length, 3);
    release("wait-kill");
    await scene.expectBelay(["resume", "notes", "--retry-task"]);
    await promote(scene);
    assert.equal(starts().length, 4);
  });

  await t.test("when the keeper is killed, it goes on, its end is unknown, and a person can say that it is done", async () => {
    await commit("wait-keeper");
    const deploying = deploy(5);
    await migration(4);
    await kill(pidsOf(dataFolder, "keeper"));
    release("wait-keeper");
    await deploying;
    await scene.expectBelay(["resume", "notes", "--task-done"]);
    await promote(scene);
    assert.equal(starts().length, 5);
  });

  await t.test("failing, it refuses the release with its last lines, and stable is untouched", async () => {
    await commit("fail");
    const { stdout } = await deploy(4);
    assert.match(stdout, /migrate failed.*exit code 1[\s\S]*no such column: basket[\s\S]*BELAY_TASK_FAILED/);
    assert.equal(await page(), "wait-keeper");
    assert.equal(starts().length, 6);
  });

  await t.test("a rollback runs none", async () => {
    await scene.expectBelay(["rollback", "notes"]);
    assert.equal(await page(), "wait-kill");
    assert.equal(starts().length, 6);
  });

  await t.test(
    "a command runs once with the release that serves; its exit code is passed on, and it is recorded with its reason",
    async () => {
      const command = [
        "node",
        "-e",
        'console.log("with", process.env.BELAY_RELEASE, require("./mode.json").mode); process.exit(7)',
      ];
      const { stdout } = await scene.expectBelay(["run", "notes", "--reason", "a look", "--", ...command], { code: 7 });
      assert.equal(stdout, `with ${(await scene.serviceStatus("notes")).stable?.id} wait-kill\n`);
      assert.match((await scene.expectBelay(["history", "-n", "30"])).stdout, /node -e .*a look/);
    },
  );
});
