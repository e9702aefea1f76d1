import assert from "node:assert/strict";
import { IncomingMessage } from "node:http";
import { Socket } from "node:net";
import { test } from "node:test";
import { RequestBody } from "./request-body.ts";

const ignored = { onWanted: () => {}, onAwaited: () => {}, onProgress: () => {}, onLetGo: () => {} };

test("an attempt that never read the body leaves it whole for the next", async () => {
  const source = sourceWith(["a", "b"]);
  new RequestBody(source, ignored).destroy();
  assert.equal(await textOf(new RequestBody(source, ignored)), "ab");
});

test("an attempt that began to read and was withdrawn at once loses nothing", async () => {
  const source = sourceWith(["a", "b"]);
  const first = new RequestBody(source, ignored);
  first.read(0);
  first.destroy();
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(await textOf(new RequestBody(source, ignored)), "ab");
});

test("each piece is progress, and waiting is the client's fault only while it has not sent everything", async () => {
  const source = sourceWith([]);
  let progress = 0;
  let wanted = 0;
  const body = new RequestBody(source, {
    ...ignored,
    onWanted: () => {
      wanted += 1;
    },
    onProgress: () => {
      progress += 1;
    },
  });
  assert.equal(wanted, 0);
  assert.equal(body.isWaitingForClient, false);
  body.resume();
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(body.isWaitingForClient, true);
  source.push("a");
  source.complete = true;
  source.push(null);
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(body.isWaitingForClient, false);
  assert.deepEqual([wanted, progress], [1, 2]);
});

/** A request whose body has arrived; an empty one is still arriving. */
function sourceWith(pieces: readonly string[]): IncomingMessage {
  const source = new IncomingMessage(new Socket());
  source._read = () => {};
  for (const piece of pieces) source.push(piece);
  if (pieces.length > 0) {
    source.complete = true;
    source.push(null);
  }
  return source;
}

async function textOf(body: RequestBody): Promise<string> {
  let text = "";
  for await (const chunk of body) text += String(chunk);
  return text;
}
