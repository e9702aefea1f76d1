import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { openScene } from "./scene.ts";
import { createRepository } from "./shop-repository.ts";

// Goal: a release that takes visitors' sessions away does not reach production, neither when they are moved to it nor when they come back.
// Method: a service whose cookie gets another form, with a script of its own that begins at one release and goes on at the other.

/** Which forms of the cookie a release reads, and which it writes. */
function server(reads: readonly ("plain" | "coded")[], writes: "plain" | "coded"): string {
  return `
const reads = ${JSON.stringify(reads)};
const readers = {
  plain: (cookie) => /^name=(\\w+)$/.exec(cookie)?.[1],
  coded: (cookie) => cookie.startsWith("v2=") ? JSON.parse(Buffer.from(cookie.slice(3), "base64url")).name : undefined,
};
const cookie = { plain: "name=ann", coded: "v2=" + Buffer.from('{"name":"ann"}').toString("base64url") }[${JSON.stringify(writes)}];
require("node:http").createServer(({ url, headers }, response) => {
  const name = reads.map((form) => readers[form](headers.cookie ?? "")).find((found) => found !== undefined);
  if (url === "/login") response.setHeader("set-cookie", cookie + "; HttpOnly; Path=/");
  response.end(url === "/basket" ? "basket of " + (name ?? "nobody") : "hello");
}).listen(process.env.PORT, process.env.HOST);
`;
}

const script = `
const { BELAY_BEGIN_URL, BELAY_GO_ON_URL } = process.env;
(async () => {
  const login = await fetch(BELAY_BEGIN_URL + "/login");
  const cookie = login.headers.getSetCookie()[0].split(";")[0];
  const basket = await (await fetch(BELAY_GO_ON_URL + "/basket", { headers: { cookie } })).text();
  if (basket !== "basket of ann") throw new Error("the basket is that of " + basket.slice(10));
})();
`;

const manifest = `version: 1
service: baskets
run: { command: node server.js, startTimeout: 20s, health: / }
environments:
  staging: {}
  production: { routes: [{ host: baskets.example.com }] }
rollout: { steps: [{ weight: 50%, minHold: 100ms }], bake: 100ms, maxHold: 200ms, onInconclusive: continue }
checks: { session: { run: node session.js } }
`;

test("a release reaches production only when sessions go on in both directions between it and what production serves", async (t) => {
  const scene = openScene(t);
  await scene.up();
  const repository = await createRepository(join(scene.place.folder, "baskets"));
  await repository.commitFile("belay.yml", manifest);
  await repository.commitFile("session.js", script);
  await repository.commitFile("server.js", server(["plain"], "plain"));
  const first = await scene.deploy(repository);
  assert.equal(first.outcome, "promoted", JSON.stringify(first));
  const told = ({ checks }: typeof first) => {
    const session = checks.find(({ check }) => check === "session");
    return `${session?.status}: ${session?.summary}`;
  };
  assert.equal(told(first), "skipped: nothing serves production yet that sessions could move from");
  const { release: plain } = first;
  assert.ok(plain !== null);

  // It reads both, so that staging has something else to serve than production.
  const both = await repository.commitFile("server.js", server(["plain", "coded"], "plain"));
  await scene.expectBelay(["deploy", "--until", "staging"], { cwd: repository.folder });
  await repository.commitFile("server.js", server(["plain", "coded"], "coded"));
  const refused = await scene.deploy(repository, { code: 4 });
  assert.equal(refused.phase.name === "refused" ? refused.phase.code : refused.phase.name, "BELAY_STAGING_FAILED");
  assert.match(
    refused.reason,
    new RegExp(`session: a session that began at the new release does not go on at ${plain}, which serves production`),
  );
  assert.match(refused.reason, /the basket is that of nobody \[back\]/);
  assert.doesNotMatch(refused.reason, /\[forward\]|\[new-release\]/);
  assert.deepEqual(readdirSync(join(scene.place.dataFolder, "building")), [], "nothing is left where it was asked");
  const trials = readdirSync(join(scene.place.dataFolder, "instances")).filter((name) => name.includes("trial"));
  assert.deepEqual(trials, [], "what was started for it has ended");

  await repository.commitAgain(both);
  const reading = await scene.deploy(repository);
  assert.equal(reading.outcome, "promoted", JSON.stringify(reading));
  assert.match(told(reading), /^pass: 4 sessions, .* \(seen in staging, where it ran\)$/);
});
