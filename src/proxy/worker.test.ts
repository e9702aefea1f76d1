// Requests and answers through a worker on a real socket.
import assert from "node:assert/strict";
import { test } from "node:test";
import { openApp, openWorld, tableWith, textOf } from "./loopback-world.ts";

test("method, path, headers, body and answer pass through; hop-by-hop headers and Belay's cookie do not", async (t) => {
  const world = await openWorld(t);
  const app = await openApp(t, async (incoming, response) => {
    const body = await textOf(incoming);
    const seen = { method: incoming.method, url: incoming.url, headers: incoming.headers, body };
    response.writeHead(201, [
      "X-App",
      "one",
      "X-App",
      "two",
      "Connection",
      "X-Secret",
      "X-Secret",
      "s",
      "Content-Type",
      "application/json",
    ]);
    response.end(JSON.stringify(seen));
  });
  await world.serve(tableWith(1, [app]));
  const answer = await world.send({
    method: "PUT",
    path: "/a/b?c=%20d",
    headers: {
      cookie: `a=1; belay_uid=${world.cookieOnCanary}; b=2`,
      "x-forwarded-for": "6.6.6.6",
      forwarded: "for=6.6.6.6",
      connection: "X-Hop, keep-alive",
      "x-hop": "h",
      te: "trailers",
      "x-kept": "k",
    },
    body: "hello",
  });
  const seen = JSON.parse(answer.body);
  assert.equal(answer.status, 201);
  assert.equal(answer.headers["x-app"], "one, two");
  assert.equal(answer.headers["x-secret"], undefined);
  assert.deepEqual([seen.method, seen.url, seen.body], ["PUT", "/a/b?c=%20d", "hello"]);
  assert.deepEqual([seen.headers.cookie, seen.headers["x-kept"], seen.headers.host], ["a=1; b=2", "k", "shop.test"]);
  assert.deepEqual(
    [seen.headers["x-forwarded-for"], seen.headers["x-forwarded-host"], seen.headers["x-forwarded-proto"]],
    ["127.0.0.1", "shop.test", "http"],
  );
  for (const name of ["x-hop", "te", "forwarded"]) assert.equal(seen.headers[name], undefined, name);
  assert.match(seen.headers["x-request-id"], /^[0-9a-f]{16}-1$/);
  assert.equal(answer.headers["set-cookie"], undefined);
});

test("a visitor's cookie is set once, and never on an answer that caches may share", async (t) => {
  const world = await openWorld(t);
  const app = await openApp(t, (incoming, response) => {
    if (incoming.url === "/asset.js") response.setHeader("cache-control", "public, max-age=3600");
    response.setHeader("set-cookie", ["session=1", "belay_uid=forged"]);
    response.end();
  });
  await world.serve(tableWith(1, [app]));
  const first = await world.send({});
  const [session, own = "", ...rest] = first.headers["set-cookie"] ?? [];
  assert.deepEqual([session, rest], ["session=1", []]);
  assert.match(own, /^belay_uid=[\w-]{22}\.\w+\.[\w-]{22}; /);
  const second = await world.send({ headers: { cookie: own.split(";")[0] ?? "" } });
  assert.deepEqual(second.headers["set-cookie"], ["session=1"]);
  const forged = await world.send({ headers: { cookie: "belay_uid=forged.x.y" } });
  assert.equal(forged.headers["set-cookie"]?.length, 2);
  assert.deepEqual((await world.send({ path: "/asset.js" })).headers["set-cookie"], ["session=1"]);
});

test("the release is shown in every answer when the service shows it to all", async (t) => {
  const world = await openWorld(t);
  const app = await openApp(t, (_, response) => response.end());
  const hidden = tableWith(1, [app]);
  await world.serve(hidden);
  assert.equal((await world.send({})).headers["belay-release"], undefined);
  await world.serve({ epoch: 2, services: hidden.services.map((service) => ({ ...service, expose: "all" as const })) });
  assert.equal((await world.send({})).headers["belay-release"], "old");
});

test("unknown hosts, nobody to ask, and malformed requests are answered in Belay's name", async (t) => {
  const world = await openWorld(t, { limits: { holdMs: 100 } });
  await world.serve(tableWith(1, []));
  assert.equal((await world.send({ headers: { host: "other.test" } })).status, 404);
  assert.equal((await world.send({})).status, 503);
  const twoHosts = await world.sendRaw("GET / HTTP/1.1\r\nHost: shop.test\r\nHost: b\r\n\r\n");
  assert.match(twoHosts, /^HTTP\/1.1 400 /);
  const oldChunked = await world.sendRaw("POST / HTTP/1.0\r\nHost: shop.test\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
  assert.match(oldChunked, /^HTTP\/1.1 400 /);
  const otherHost = await world.sendRaw("GET http://evil.test/ HTTP/1.1\r\nHost: shop.test\r\n\r\n");
  assert.match(otherHost, /^HTTP\/1.1 400 /);
  assert.match(await world.sendRaw("OPTIONS * HTTP/1.1\r\nHost: shop.test\r\n\r\n"), /^HTTP\/1.1 400 /);
});

test("asked to, a worker serves the table on disk at once: of its own epoch too, of an older one never, and no lease is renewed", async (t) => {
  const world = await openWorld(t);
  const answering = (text: string) => openApp(t, (_incoming, response) => response.end(text));
  const [one, two, canary] = [await answering("one"), await answering("two"), await answering("canary")];
  const exposure = { canary: { release: "new", targets: [canary] } };
  await world.serve(tableWith(5, [one], exposure));
  const ask = async () => (await world.send({ headers: { cookie: `belay_uid=${world.cookieOnCanary}` } })).body;
  assert.equal(await ask(), "canary");
  world.reloadFrom(tableWith(4, [two]));
  assert.equal(await ask(), "canary");
  world.reloadFrom(tableWith(5, [two], { ...exposure, rollout: "other", epoch: 5 }));
  assert.equal(await ask(), "two", "an exposure that comes from disk has no lease");
  world.reloadFrom(tableWith(5, [one]));
  assert.equal(await ask(), "one");
});
