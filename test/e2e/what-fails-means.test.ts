import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { getPage } from "./get-page.ts";
import { openScene } from "./scene.ts";
import { createRepository } from "./shop-repository.ts";
import { waitFor } from "./wait.ts";

// Goal: what belay.yml says of a failing metric is what happens: a person is asked and may go on, and a promise of speed is kept.
// Method: releases that fail so plainly that no chance decides, and no step that ends by time.

/** Every other page fails, or each waits; the health check is always well. */
function server({
  failsEveryOther = false,
  waitsMs = 0,
}: {
  readonly failsEveryOther?: boolean;
  readonly waitsMs?: number;
}): string {
  return `let pages = 0;
const answer = (request, response) => {
  if (request.url === "/healthz") return response.end("well");
  pages += 1;
  response.statusCode = ${failsEveryOther} && pages % 2 === 0 ? 500 : 200;
  setTimeout(() => response.end("page"), ${waitsMs});
};
const server = require("node:http").createServer(answer).listen(Number(process.env.PORT), process.env.HOST);
process.once("SIGTERM", () => server.close());
`;
}

function manifest(name: string, own: string): string {
  return `version: 1
service: ${name}
expose: all
run: { command: node server.js, health: /healthz }
environments: { production: { routes: [{ host: ${name}.example.com, shield: off }] } }
${own}
`;
}

async function openService(scene: ReturnType<typeof openScene>, name: string, own: string) {
  const repository = await createRepository(join(scene.place.folder, name));
  await repository.commitFile("belay.yml", manifest(name, own));
  await repository.commitFile("server.js", server({}));
  await scene.deploy(repository);
  const url = await scene.baseUrl();
  const rollout = async () => (await scene.serviceStatus(name)).rollout ?? assert.fail("no rollout");
  const visit = (count: number) => Promise.all(Array.from({ length: count }, () => getPage(url, `${name}.example.com`)));
  /** New visitors come until the rollout has got there. */
  const visitUntil = (what: string, isReached: (view: Awaited<ReturnType<typeof rollout>>) => boolean) =>
    waitFor(
      what,
      async () => {
        await visit(20);
        const view = await rollout();
        return isReached(view) ? view : undefined;
      },
      { deadlineMs: 120_000 },
    );
  const begin = async (code: string) => {
    await repository.commitFile("server.js", code);
    await scene.expectBelay(["deploy", "--no-follow"], { cwd: repository.folder });
    await waitFor("the step", async () => (await rollout()).phase.name === "progressing");
  };
  return { begin, visit, visitUntil, rollout };
}

test("a metric that holds asks a person, who goes on; a promise of speed takes a slow release back; a plan by time says what it shows", async (t) => {
  const scene = openScene(t);
  await scene.up();
  const held = await openService(
    scene,
    "held",
    "rollout: { steps: [{ weight: 50%, minHold: 30m }], evidence: request, onFail: { errors: hold, slo: notify }, bake: 100ms }",
  );
  await held.begin(server({ failsEveryOther: true }));
  const asked = await held.visitUntil("a person is asked", ({ outcome }) => outcome === "held");
  assert.equal(asked.plan.evidence, "request");
  assert.match(asked.reason, /\d+ requests failed on the canary \(50% of requests\)/);
  assert.equal(asked.weight, 5_000, "its traffic stays where it is");
  await scene.expectBelay(["promote", "held"]);
  const promoted = await waitFor("it goes on", async () => {
    const view = await held.rollout();
    return view.outcome === "promoted" ? view : undefined;
  });
  assert.equal(promoted.by, "person");
  const alarms = (await scene.facts(promoted.rollout)).flatMap((fact) => (fact.kind === "metric-failed" ? [fact] : []));
  assert.deepEqual(alarms.find(({ metric }) => metric === "errors")?.onFail, "hold");

  const slow = await openService(
    scene,
    "slow",
    `slo: { latency: { under: 2s, objective: 99% } }
rollout: { steps: [{ weight: 50%, minHold: 20m }], within: 1h, warmUp: 0s, bake: 100ms }`,
  );
  await slow.visit(60);
  // Counted before the plan is made from them, also on a machine that has much else to do.
  await waitFor("the visitors are counted", async () =>
    (await scene.serviceStatus("slow")).newVisitorsLastMinute >= 60 ? true : undefined,
  );
  await slow.begin(server({ waitsMs: 3_000 }));
  assert.match(
    (await slow.rollout()).forecast,
    /within 60 min a release that fails [\d.]+% more of your visitors would be caught/,
  );
  const back = await slow.visitUntil("the slow release is taken back", ({ outcome }) => outcome === "aborted");
  assert.equal(back.by, "verdict");
  const [failed] = (await scene.facts(back.rollout)).flatMap((fact) => (fact.kind === "verdict-failed" ? [fact] : []));
  assert.equal(failed?.metric, "latencySlo");
});
