import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { getPage } from "./get-page.ts";
import { openScene } from "./scene.ts";
import { createSmallService } from "./small-service.ts";

const server = `require("node:http").createServer((_, response) => response.end("page")).listen(process.env.PORT, process.env.HOST);\n`;
const maxHoldMs = 3_000;
const bakeMs = 1_000;
const steps = 2;

// Goal: a service that hardly anybody visits is deployed in the time that its plan states, and nothing is called proven.
// Method: a visitor a second and steps of three; what a minute would be to an hour, a second is to a minute.
test("a healthy release of a quiet service ends within its stated holds, and is labelled as without evidence", async (t) => {
  const scene = openScene(t);
  const rollout = {
    steps: "[{ weight: 10%, minHold: 1s }, { weight: 50%, minHold: 1s }]",
    maxHold: `${maxHoldMs}ms`,
    scoreWindow: "500ms",
    bake: `${bakeMs}ms`,
  };
  const repository = await createSmallService(scene, { name: "quiet", server, rollout });
  await scene.up();
  const first = await scene.deploy(repository);
  assert.equal(first.outcome, "promoted");
  assert.match(first.reason, /first release, nothing to compare with/);
  const url = await scene.baseUrl();
  const closing = new AbortController();
  const visiting = (async () => {
    while (!closing.signal.aborted) {
      assert.equal((await getPage(url, "quiet.example.com")).status, 200);
      await sleep(1_000);
    }
  })();
  await repository.commitFile("server.js", `${server}// another release\n`);
  const second = await scene.deploy(repository);
  closing.abort();
  await visiting;
  assert.equal(second.outcome, "promoted", JSON.stringify(second));
  assert.equal(second.by, "plan", "what was not shown is not said to be shown");
  assert.match(second.forecast, /without statistical evidence/);
  const ends = (await scene.facts(second.rollout)).flatMap((fact) => (fact.kind === "step-ended" ? [fact] : []));
  assert.deepEqual(
    ends.map(({ why }) => why),
    ["continued", "continued"],
  );
  for (const { words } of ends) assert.match(words, /^without statistical evidence \(n = \d+\)$/);
  const exposedMs = ends.reduce((sum, { heldMs }) => sum + heldMs, 0);
  t.diagnostic(`${second.seconds} s, of them ${exposedMs} ms in ${steps} steps of at most ${maxHoldMs} ms`);
  // On a loaded machine a look at the clock may come late; what is not stated would take at least the ten seconds of a silence, twice.
  assert.ok(exposedMs <= steps * maxHoldMs + 10_000, `${exposedMs} ms`);
});
