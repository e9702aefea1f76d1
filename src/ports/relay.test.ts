import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";
import { openRelay } from "./relay.ts";

async function relayTo(t: TestContext, port: number) {
  const relay = await openRelay({ host: "127.0.0.1", port });
  t.after(() => relay.close());
  return { relay, url: `http://127.0.0.1:${relay.port}` };
}

async function serve(t: TestContext): Promise<number> {
  const server = createServer((request, response) => request.pipe(response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

test("what is asked is answered through it, and it knows that it was", async (t) => {
  const { relay, url } = await relayTo(t, await serve(t));
  assert.equal(relay.hasAnswered(), false);
  const body = "x".repeat(300_000);
  assert.equal(await (await fetch(url, { method: "POST", body })).text(), body);
  assert.equal(relay.hasAnswered(), true);
});

test("where nobody listens, nobody has answered; closed, it lets nobody through", async (t) => {
  const gone = await relayTo(t, 1);
  await assert.rejects(fetch(gone.url));
  assert.equal(gone.relay.hasAnswered(), false);
  const { relay, url } = await relayTo(t, await serve(t));
  await (await fetch(url)).text();
  await relay.close();
  await assert.rejects(fetch(url));
});
