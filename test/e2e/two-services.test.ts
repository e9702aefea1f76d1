import assert from "node:assert/strict";
import { test } from "node:test";
import { assertUnnoticed } from "./crowd-checks.ts";
import { openScene } from "./scene.ts";
import { createSmallService } from "./small-service.ts";

const server = (status: number) => `
require("node:http").createServer((request, response) => {
  response.statusCode = request.url === "/healthz" ? 200 : ${status};
  response.end("page");
}).listen(process.env.PORT, process.env.HOST);
`;

const run = { health: "/healthz" };
const rollout = { steps: "[{ weight: 50%, minHold: 2s }]", scoreWindow: "1s", harm: "10%", bake: "2s" };

// Goal: two rollouts at once do not know of each other.
// Method: one good and one bad release, asked for in the same moment, each under visitors of its own.
test("of two rollouts at once the good one is promoted and the bad one is taken back, and only the bad canary's visitors notice", async (t) => {
  const scene = openScene(t);
  const options = { server: server(200), run, rollout };
  const good = await createSmallService(scene, { ...options, name: "good" });
  const bad = await createSmallService(scene, { ...options, name: "bad" });
  await scene.up();
  for (const repository of [good, bad]) await scene.deploy(repository);
  const goodCrowd = await scene.openVisitors({ hostHeader: "good.example.com", visitorsPerSecond: 25 });
  const badCrowd = await scene.openVisitors({ hostHeader: "bad.example.com", visitorsPerSecond: 25, seed: 2 });
  await good.commitFile("server.js", `${server(200)}// another release\n`);
  await bad.commitFile("server.js", server(500));

  const [promoted, aborted] = await Promise.all([scene.deploy(good), scene.deploy(bad, { code: 3 })]);
  const [goodReport, badReport] = await Promise.all([goodCrowd.stop(), badCrowd.stop()]);

  t.diagnostic(`good: ${promoted.seconds} s, ${goodReport.requests} requests`);
  t.diagnostic(
    `bad: ${aborted.seconds} s, ${badReport.requests} requests, ${badReport.failed} failed, ${aborted.canaryErrors} counted`,
  );
  assert.equal(promoted.outcome, "promoted", JSON.stringify(promoted));
  assertUnnoticed(goodReport);
  assert.equal(aborted.outcome, "aborted", JSON.stringify(aborted));
  assert.equal(aborted.by, "verdict");
  const canary = badReport.byRelease[aborted.release ?? ""];
  // Nobody saw the canary when each of its failures was shielded.
  assert.equal(badReport.failed, canary?.failed ?? 0, "nobody but the canary failed anybody");
  assert.equal((await scene.serviceStatus("bad")).stable?.id, aborted.stable);
  assert.equal((await scene.serviceStatus("good")).stable?.id, promoted.release);
});
