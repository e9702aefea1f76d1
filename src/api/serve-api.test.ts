import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { type TestContext, test } from "node:test";
import { Agent, request } from "undici";
import { createApi } from "./create-api.ts";
import { createFakeInside } from "./fake-inside.ts";
import { serveApi } from "./serve-api.ts";

test("the API is served on a socket of its owner and lets go of it", async () => {
  const folder = mkdtempSync(join(tmpdir(), "belay-serve-"));
  const path = join(folder, "api.sock");
  const inside = createFakeInside();
  const served = await serveApi({ app: createApi({ ...inside, auth: { kind: "socket" } }), listener: { kind: "path", path } });
  const dispatcher = new Agent({ connect: { socketPath: path } });
  try {
    assert.equal(served.address, path);
    assert.equal(statSync(path).mode & 0o777, 0o600);
    const { statusCode, body } = await request("http://belay/api/v1/status", { dispatcher });
    assert.equal(statusCode, 200);
    assert.deepEqual(await body.json(), inside.status);
    const sent = await request("http://belay/api/v1/repository/packs", {
      dispatcher,
      method: "POST",
      headers: { "content-type": "application/octet-stream", "belay-commit": "a".repeat(40) },
      body: Readable.from(Array.from({ length: 50 }, () => Buffer.alloc(20_000))),
    });
    assert.equal(sent.statusCode, 200, await sent.body.text());
    assert.equal(inside.packs[0]?.bytes, 1_000_000);
  } finally {
    await dispatcher.close();
    await served.close();
    assert.equal(existsSync(path), false);
    rmSync(folder, { recursive: true });
  }
});

test("a path that cannot be listened on is an error, not silence", async () => {
  const app = createApi({ ...createFakeInside(), auth: { kind: "socket" } });
  await assert.rejects(serveApi({ app, listener: { kind: "path", path: "/nonexistent/folder/api.sock" } }));
});

/** A client that sends its upload piece by piece, and reads what comes whenever it comes. */
interface Sender {
  readonly socket: Socket;
  send(bytes: Buffer | string): Promise<void>;
  /** Everything that has come, once it holds this. */
  reads(words: string): Promise<string>;
  readonly came: string;
}

async function openSender(t: Pick<TestContext, "after">, inside: Partial<ReturnType<typeof createFakeInside>>): Promise<Sender> {
  const fake = createFakeInside();
  const app = createApi({ ...fake, ...inside, auth: { kind: "socket" }, packBytesMax: 1024 });
  const served = await serveApi({ app, listener: { kind: "port", host: "127.0.0.1", port: 0 } });
  const socket = connect(Number(served.address.split(":")[1]), "127.0.0.1");
  t.after(() => {
    socket.destroy();
    return served.close();
  });
  let came = "";
  socket.setEncoding("utf8").on("data", (text) => {
    came += text;
  });
  await once(socket, "connect");
  return {
    socket,
    send: (bytes) => new Promise((resolve, reject) => socket.write(bytes, (cause) => (cause ? reject(cause) : resolve()))),
    async reads(words) {
      while (!came.includes(words)) {
        const [event] = await Promise.race([once(socket, "data"), once(socket, "close").then(() => ["closed"])]);
        assert.ok(event !== "closed" || came.includes(words), `the connection was closed, and only this came: ${came}`);
      }
      return came;
    },
    get came() {
      return came;
    },
  };
}

const packHead = `POST /api/v1/repository/packs HTTP/1.1\r\nhost: belay\r\ncontent-type: application/octet-stream\r\nbelay-commit: ${"a".repeat(40)}\r\ntransfer-encoding: chunked\r\n\r\n`;
const chunkOf = (bytes: number) => `${bytes.toString(16)}\r\n${"x".repeat(bytes)}\r\n`;
const lastChunk = "0\r\n\r\n";

test("an upload is answered when it has ended, also where its receiver has had enough before", {
  timeout: 120_000,
}, async (t) => {
  const fake = createFakeInside();
  const received = Promise.withResolvers<void>();
  // As git does, which knows a pack's end from the pack itself, and asks its source to stop.
  const receivePack: typeof fake.releases.receivePack = async ({ pack }) => {
    const chunks = pack[Symbol.asyncIterator]();
    await chunks.next();
    void chunks.next();
    void chunks.return?.();
    received.resolve();
  };
  const sender = await openSender(t, { releases: { ...fake.releases, receivePack } });
  await sender.send(`${packHead}${chunkOf(100)}`);
  await received.promise;
  // Longer than an answer takes that does not wait for anything.
  const other = await openSender(t, {});
  await other.send("GET /api/v1/health HTTP/1.1\r\nhost: belay\r\n\r\n");
  await other.reads("200 OK");
  assert.equal(sender.came, "");
  await sender.send(lastChunk);
  assert.match(await sender.reads("}"), /^HTTP\/1\.1 200 /);
});

test("a refusal in the middle of an upload reaches a sender who reads it late, and the connection goes on", {
  timeout: 120_000,
}, async (t) => {
  const sender = await openSender(t, {});
  sender.socket.pause();
  await sender.send(packHead);
  for (let sent = 0; sent < 20; sent += 1) await sender.send(chunkOf(100_000));
  await sender.send(`${lastChunk}GET /api/v1/health HTTP/1.1\r\nhost: belay\r\n\r\n`);
  sender.socket.resume();
  const came = await sender.reads("200 OK");
  assert.match(came, /^HTTP\/1\.1 413 [\s\S]*BELAY_API_PACK_TOO_LARGE/);
});
