// Uploads over HTTP/2, beside other requests of the same connection, through a worker on real sockets.
import assert from "node:assert/strict";
import { once } from "node:events";
import type http from "node:http";
import http2 from "node:http2";
import { type TestContext, test } from "node:test";
import { missing } from "../../scripts/setup-debian.ts";
import { openApp, openWorld, tableWith, textOf } from "./loopback-world.ts";

const options = { skip: missing("openssl"), timeout: 180_000 };
const piece = Buffer.alloc(65_536, "x");
/** Several times what the sockets on the way take while the service reads nothing. */
const pieces = 512;

test("an upload's answer has its end, whether the service reads at once, late or not at all", options, async (t) => {
  const { promise: mayRead, resolve: letRead } = Promise.withResolvers<void>();
  const client = await openClient(t, async (incoming, response) => {
    if (incoming.url === "/early") return void response.writeHead(413).end("too large");
    if (incoming.url === "/late") await mayRead;
    // Nothing but the end of the stream says that this is all.
    response.write("had ");
    response.end(String((await textOf(incoming)).length));
  });
  const late = upload(client, "/late");
  await late.hasStalled();
  assert.equal(await upload(client, "/prompt").answer(), `had ${pieces * piece.length}`);
  assert.equal(await upload(client, "/early").answer(), "too large");
  letRead();
  assert.equal(await late.answer(), `had ${pieces * piece.length}`);
});

test("uploads that nobody reads are not taken, and keep no other request of their connection waiting", options, async (t) => {
  const client = await openClient(t, (incoming, response) => {
    if (incoming.method === "POST") incoming.pause();
    else response.end("here");
  });
  const unread = Array.from({ length: 3 }, () => upload(client, "/"));
  await Promise.all(unread.map(({ hasStalled }) => hasStalled()));
  for (let at = 0; at < 20; at += 1) assert.equal(await textOf(client.request({ ":authority": "shop.test" })), "here");
  for (const { wasSent } of unread) assert.ok(wasSent() < pieces / 2, `${wasSent()} of ${pieces} pieces of which none was read`);
});

test("a body of nothing has its end too, and a request with one is not waited for", options, async (t) => {
  const client = await openClient(t, async (incoming, response) => response.end(`had ${(await textOf(incoming)).length}`));
  for (let at = 0; at < 3; at += 1) {
    const stream = client.request({ ":authority": "shop.test", ":method": "POST" });
    // The head leaves first, and an empty frame of DATA says that this is all.
    stream.end();
    assert.equal(await textOf(stream), "had 0");
  }
});

async function openClient(t: TestContext, handler: http.RequestListener): Promise<http2.ClientHttp2Session> {
  let client: http2.ClientHttp2Session | undefined;
  // First, so that the worker need not wait for what the client left half done.
  t.after(() => client?.destroy());
  const world = await openWorld(t, { certificates: { shop: "shop.test" } });
  await world.serve(tableWith(1, [await openApp(t, handler)]));
  client = http2.connect(`https://127.0.0.1:${world.tlsPort}`, { rejectUnauthorized: false, servername: "shop.test" });
  return client;
}

interface Upload {
  readonly answer: () => Promise<string>;
  /** Pieces. */
  readonly wasSent: () => number;
  /** Resolves when nothing more is taken of it. */
  readonly hasStalled: () => Promise<void>;
}

function upload(client: http2.ClientHttp2Session, path: string): Upload {
  const stream = client.request({ ":authority": "shop.test", ":path": path, ":method": "POST" });
  stream.on("error", () => {});
  let sent = 0;
  const send = async () => {
    for (; sent < pieces && !stream.closed; sent += 1) if (!stream.write(piece)) await once(stream, "drain");
    stream.end();
  };
  void send();
  const hasStalled = async () => {
    for (let before = -1; before !== sent || sent === 0; ) {
      before = sent;
      await new Promise((resolve) => setTimeout(resolve, 150));
    }
  };
  return { answer: () => textOf(stream), wasSent: () => sent, hasStalled };
}
