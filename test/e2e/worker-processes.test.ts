import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { Entry, Fact } from "../../src/rollout/entry.ts";
import { jsonOf } from "./belay-command.ts";
import { kill, pidsOf } from "./belay-processes.ts";
import { openScene, type Scene } from "./scene.ts";
import { createRepository } from "./shop-repository.ts";
import { waitFor } from "./wait.ts";

// Goal: never do two releases run the worker at once, a worker that crashes again and again takes its release back, and no due
// time of a job is run twice.
// Method: a real worker and a real job that note themselves in a file, outside of everything that Belay keeps. Told to end, the
// worker goes on for a while, so that one that is started too early shows between its lines.

const server = `const { createServer } = require("node:http");
const server = createServer((_, response) => response.end("queue"));
server.listen(Number(process.env.PORT), process.env.HOST);
process.once("SIGTERM", () => server.close());
`;

const worker = `const { appendFileSync } = require("node:fs");
const { notes, mode } = require("./mode.json");
if (mode === "crash") {
  console.error("cannot reach the queue");
  process.exit(3);
}
const note = () => appendFileSync(notes + ".worker", process.env.BELAY_RELEASE + " " + process.pid + "\\n");
note();
setInterval(note, 50);
process.once("SIGTERM", () => setTimeout(() => process.exit(0), 400));
`;

const job = `const { notes } = require("./mode.json");
require("node:fs").appendFileSync(notes + ".job", process.env.BELAY_RELEASE + " " + process.pid + "\\n");
console.log("swept by", process.env.BELAY_TASK);
`;

const manifest = `version: 1
service: queue
run: { command: node server.js, health: / }
processes:
  worker: { command: node worker.js, with: promotion, aliveAfter: 2s }
  sweep: { command: node job.js, every: 1s }
environments: { production: { routes: [{ host: queue.example.com }] } }
rollout: { steps: [{ weight: 50%, minHold: 10m }], bake: 10m }
`;

async function openQueue(t: Parameters<typeof openScene>[0]) {
  const scene = openScene(t);
  const notes = join(scene.place.folder, "notes");
  const repository = await createRepository(join(scene.place.folder, "repository"));
  await repository.commitFile("server.js", server);
  await repository.commitFile("worker.js", worker);
  await repository.commitFile("job.js", job);
  await repository.commitFile("belay.yml", manifest);
  await scene.up();
  const linesOf = (which: "worker" | "job") =>
    (existsSync(`${notes}.${which}`) ? readFileSync(`${notes}.${which}`, "utf8") : "").split("\n").filter((line) => line !== "");
  return {
    scene,
    linesOf,
    /** The release of the worker that wrote last. */
    worksNow: () => linesOf("worker").at(-1)?.split(" ")[0],
    deploy: async (mode: string) => {
      await repository.commitFile("mode.json", JSON.stringify({ notes, mode }));
      await scene.expectBelay(["deploy", "--no-follow"], { cwd: repository.folder });
    },
  };
}

async function waitForPhase(scene: Scene, ...names: readonly string[]) {
  return waitFor(`the rollout is ${names.join(" or ")}`, async () => {
    const { rollout } = await scene.serviceStatus("queue");
    return rollout !== null && names.includes(rollout.phase.name) ? rollout : undefined;
  });
}

async function facts(scene: Scene): Promise<readonly Fact[]> {
  const chained = jsonOf(await scene.expectBelay(["history", "--json"])) as readonly { readonly entry: Entry }[];
  return chained.map(({ entry }) => entry.fact);
}

/** The releases in the order in which their workers wrote; more than one turn for a release means that it was switched back. */
function turnsOf(lines: readonly string[]): readonly string[] {
  return lines.map((line) => line.split(" ")[0] ?? "").filter((release, index, all) => release !== all[index - 1]);
}

test("a worker and a job over promotions, rollbacks, crash loops and kills", async (t) => {
  const { scene, linesOf, worksNow, deploy } = await openQueue(t);
  const { dataFolder } = scene.place;
  const stableId = async () => (await scene.serviceStatus("queue")).stable?.id ?? "";

  await deploy("first");
  await waitForPhase(scene, "promoted");
  const first = await stableId();
  await waitFor("the first release's worker works", () => worksNow() === first);

  await t.test("the old release's worker runs until the bake, and there is never one of each", async () => {
    await deploy("second");
    await waitForPhase(scene, "progressing");
    assert.deepEqual(turnsOf(linesOf("worker")), [first]);
    await scene.expectBelay(["promote", "queue", "--full"]);
    await waitForPhase(scene, "baking");
    await waitFor("the second release's worker works", () => worksNow() !== first);
    await scene.expectBelay(["promote", "queue"]);
    await waitForPhase(scene, "promoted");
  });
  const second = await stableId();

  await t.test("a rollback takes it back", async () => {
    await scene.expectBelay(["rollback", "queue"]);
    await waitFor("the first release's worker works again", () => worksNow() === first);
    assert.deepEqual(turnsOf(linesOf("worker")), [first, second, first]);
  });

  await t.test("a worker that crashes again and again in the bake ends the rollout by health", async () => {
    await deploy("crash");
    await waitForPhase(scene, "progressing");
    await scene.expectBelay(["promote", "queue", "--full"]);
    const aborted = await waitForPhase(scene, "aborted");
    assert.equal(aborted.by, "health");
    assert.match(aborted.reason, /worker worker ended by itself \d+ times in a row; it ended last with exit code 3/);
    assert.match((await scene.expectBelay(["explain", "queue"])).stdout, /worker worker ended by itself/);
    const logs = await scene.expectBelay(["logs", "queue", "--process", "worker"]);
    assert.match(logs.stdout, /\/worker \| cannot reach the queue/);
    const before = linesOf("worker").length;
    await waitFor("the first release's worker works on", () => linesOf("worker").length > before + 5);
    assert.equal(worksNow(), first);
  });

  await t.test("after a promotion it starts a rollback while the old release is warm", async () => {
    await deploy("crash");
    await waitForPhase(scene, "progressing");
    await scene.expectBelay(["promote", "queue", "--skip-analysis"]);
    const rollback = await waitFor("a rollback has ended", async () => {
      const { rollout } = await scene.serviceStatus("queue");
      return rollout?.kind === "rollback" && rollout.outcome === "promoted" && rollout.by === "health" ? rollout : undefined;
    });
    assert.equal(rollback.release, first);
    const before = linesOf("worker").length;
    await waitFor("the first release's worker works on", () => linesOf("worker").length > before + 5);
    assert.deepEqual(turnsOf(linesOf("worker")), [first, second, first]);
  });

  await t.test("whoever of Belay is killed, no due time of the job is run twice, and the one worker works on", async () => {
    const [pid] = linesOf("worker")
      .slice(-1)
      .map((line) => line.split(" ")[1]);
    for (const role of ["control", "keeper", "control"]) {
      const before = linesOf("job").length;
      await kill(pidsOf(dataFolder, role));
      await waitFor("the job runs again", () => linesOf("job").length > before + 1);
    }
    assert.equal(linesOf("worker").at(-1)?.split(" ")[1], pid);
    // Before the facts: a due time is written down before its run, so each of these runs has its entry by then.
    const runs = linesOf("job").length;
    const all = await facts(scene);
    const dues = all.filter((fact) => fact.kind === "job-started").map(({ due }) => due);
    assert.equal(new Set(dues).size, dues.length, "a due time was started twice");
    assert.ok(runs <= dues.length, `${runs} runs for ${dues.length} due times`);
    assert.deepEqual(turnsOf(linesOf("worker")), [first, second, first]);
  });

  await t.test("status shows both, and the log of the job is found", async () => {
    const shown = new RegExp(
      `worker worker of ${first}: running[\\s\\S]*job sweep of ${first}: every 1s; next .*\\n.*last: due .*exit code 0 after`,
    );
    await waitFor("status shows a worker that runs and a run that ended well", async () =>
      shown.test((await scene.expectBelay(["status"])).stdout),
    );
    assert.match((await scene.expectBelay(["logs", "queue", "--process", "sweep"])).stdout, /\/sweep \| swept by sweep/);
  });
});
