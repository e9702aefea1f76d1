import assert from "node:assert/strict";
import { test } from "node:test";
import type { EventsTaken } from "../control/kpi-events.ts";
import { silentLog } from "../ports/log.ts";
import { createEventsApp } from "./events-app.ts";

function appOf(answer: EventsTaken = { accepted: 1, refused: [] }) {
  const taken: unknown[] = [];
  const app = createEventsApp({
    log: silentLog,
    senderOf: ({ environment, service }, token) => (token === `${environment} ${service}` ? "service" : null),
    take: (place, posted) => {
      taken.push([place, posted]);
      return answer;
    },
  });
  const post = (body: string, token = "production shop", path = "/events/production/shop") =>
    app.request(path, { method: "POST", body, headers: { authorization: `Bearer ${token}` } });
  return { app, post, taken };
}

test("an instance posts one event or a list, with the token of its service", async () => {
  const { post, taken } = appOf();
  const answer = await post('{"event":"order-paid"}');
  assert.deepEqual([answer.status, await answer.json()], [202, { accepted: 1, refused: [] }]);
  await post('[{"event":"a"},{"event":"b"}]');
  const place = { environment: "production", service: "shop", sender: "service" };
  assert.deepEqual(taken, [
    [place, [{ event: "order-paid" }]],
    [place, [{ event: "a" }, { event: "b" }]],
  ]);
});

test("another service's token, none, and what is no list of events are refused with a code", async () => {
  const { app, post, taken } = appOf();
  const codeOf = async (answer: Response) => [answer.status, ((await answer.json()) as { code: string }).code];
  assert.deepEqual(await codeOf(await post("{}", "production blog")), [401, "BELAY_API_UNAUTHENTICATED"]);
  assert.deepEqual(await codeOf(await app.request("/events/production/shop", { method: "POST", body: "{}" })), [
    401,
    "BELAY_API_UNAUTHENTICATED",
  ]);
  assert.deepEqual(await codeOf(await post("{", "production shop")), [400, "BELAY_API_BAD_REQUEST"]);
  assert.deepEqual(await codeOf(await post(JSON.stringify(Array(101).fill({})))), [400, "BELAY_API_BAD_REQUEST"]);
  assert.deepEqual(await codeOf(await post("x".repeat(70_000))), [413, "BELAY_API_BODY_TOO_LARGE"]);
  assert.deepEqual(await codeOf(await app.request("/metrics")), [404, "BELAY_API_NOT_FOUND"]);
  assert.deepEqual(taken, []);
});

test("who posts too many is told to wait", async () => {
  const { post } = appOf({ accepted: 0, refused: [{ index: 0, why: "too-many" }] });
  const answer = await post("{}");
  assert.deepEqual([answer.status, answer.headers.get("retry-after")], [429, "1"]);
});
