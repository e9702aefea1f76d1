import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type RequestListener, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { openShop } from "../../examples/shop/test/open-shop.ts";
import { waitFor } from "../e2e/wait.ts";
import type { VisitorReport } from "./tally.ts";
import { openVisitors } from "./visitors.ts";

interface VisitOptions {
  readonly members?: number;
  readonly until: (report: VisitorReport) => boolean;
}

/** Visitors of a server, until they have met enough of it. */
async function visit(listener: RequestListener, { members = 0, until }: VisitOptions): Promise<VisitorReport> {
  const server = createServer(listener).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const crowd = openVisitors({
    baseUrl: `http://127.0.0.1:${port}`,
    hostHeader: "shop.example.com",
    seed: 1,
    visitorsPerSecond: 50,
    thinkMsMax: 50,
    members,
  });
  await waitFor("they have met enough", () => until(crowd.report()));
  const report = await crowd.stop();
  server.close();
  return report;
}

test("visitors of the real shop meet no failure, keep their login and find every asset", async () => {
  const folder = mkdtempSync(join(tmpdir(), "visitors-"));
  const shop = await openShop({ database: join(folder, "shop.db") });
  const crowd = openVisitors({ baseUrl: shop.baseUrl, hostHeader: "shop.example.com", seed: 1, thinkMsMax: 100, members: 3 });
  await waitFor("many have come", () => crowd.report().visitors > 30 && crowd.report().requests > 90);
  const report = await crowd.stop();
  await shop.close();
  rmSync(folder, { recursive: true });
  const { failed, harmedVisitors, loggedOut, missedAssets, unexpected } = report;
  assert.deepEqual(
    { failed, harmedVisitors, loggedOut, missedAssets, unexpected },
    { failed: 0, harmedVisitors: 0, loggedOut: 0, missedAssets: 0, unexpected: 0 },
  );
});

test("a 5xx, a reset connection and an answer cut short are failures, by release", async () => {
  let count = 0;
  const answerInTurn: RequestListener = (_request, response) => {
    count += 1;
    response.setHeader("belay-release", "r2");
    if (count % 4 === 1) response.writeHead(503).end();
    else if (count % 4 === 2) response.destroy();
    else if (count % 4 === 3) response.writeHead(200, { "content-length": "100" }).write("part", () => response.destroy());
    else response.end("fine");
  };
  const report = await visit(answerInTurn, { until: ({ requests }) => requests > 80 });
  const causes = new Set(report.failures.map(({ status, error }) => status ?? error.split(":")[0]));
  assert.deepEqual([...causes].sort(), [503, "ECONNRESET", "truncated"]);
  assert.ok(Math.abs(report.failed / report.requests - 0.75) < 0.1, `${report.failed} of ${report.requests}`);
  assert.ok((report.byRelease["r2"]?.failed ?? 0) > 0 && (report.byRelease[""]?.failed ?? 0) > 0);
  assert.ok(report.harmedVisitors > 0 && report.harmedVisitors <= report.visitors);
});

test("a lost login and a missing asset are noticed", async () => {
  const forgetful: RequestListener = (request, response) => {
    if (request.url === "/account") response.writeHead(401).end();
    else if (request.url?.startsWith("/assets/")) response.writeHead(404).end();
    else response.end('<link href="/assets/app.1.css">');
  };
  const report = await visit(forgetful, {
    members: 3,
    until: ({ loggedOut, missedAssets }) => loggedOut > 0 && missedAssets > 0,
  });
  assert.equal(report.failed, 0);
});

test("changes of side are counted for each visitor from the answer that set its belay_uid", async () => {
  let count = 0;
  const flipping: RequestListener = (request, response) => {
    count += 1;
    if (request.headers.cookie === undefined) response.setHeader("set-cookie", "belay_uid=1; Path=/; HttpOnly");
    response.setHeader("belay-release", count % 2 === 0 ? "r1" : "r2");
    response.end();
  };
  await visit(flipping, { until: ({ sideChangesMax }) => sideChangesMax >= 1 });
  const steady: RequestListener = (request, response) => {
    response.setHeader("belay-release", request.headers.cookie === undefined ? "r1" : "r2");
    if (request.headers.cookie === undefined) response.setHeader("set-cookie", "belay_uid=1");
    response.end();
  };
  assert.equal((await visit(steady, { until: ({ requests }) => requests > 60 })).sideChangesMax, 1);
});

test("a lap has what was asked in it, also what is answered later, and nothing that is asked after it", async () => {
  const held: ServerResponse[] = [];
  let isHolding = true;
  const server = createServer((_request, response) => {
    if (isHolding) held.push(response);
    else response.end("page");
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const crowd = openVisitors({ baseUrl: `http://127.0.0.1:${port}`, hostHeader: "shop.example.com", seed: 1, thinkMsMax: 1 });
  await waitFor("some wait for their answer", () => held.length > 3);
  const endedAtMs = performance.now();
  const lap = crowd.lap();
  isHolding = false;
  await waitFor("others are answered", () => crowd.report().requests > 3);
  for (const response of held) response.end("page");
  const during = (await lap).byRelease[""];
  const after = (await crowd.stop()).byRelease[""];
  server.close();
  assert.ok((during?.requests ?? 0) > 3 && (during?.lastStartedAtMs ?? 0) <= endedAtMs, JSON.stringify(during));
  assert.ok((after?.firstStartedAtMs ?? 0) >= endedAtMs, JSON.stringify(after));
});
