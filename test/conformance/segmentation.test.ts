// Goal: what a request and an answer mean does not depend on how their bytes arrive.
// Method: every request of the suite that is passed on is cut in two at each of its bytes, and sent byte by byte; answers are cut
// at each of theirs.
import assert from "node:assert/strict";
import { test } from "node:test";
import { describeRequest } from "./ask.ts";
import { belay } from "./belay-engine.ts";
import { talk } from "./client.ts";
import { rawRequests } from "./raw-requests.ts";
import { readResponses } from "./strict-reader.ts";
import { echo, openUpstream } from "./upstream.ts";

const silenceMs = 15_000;
const atOnce = 32;

test("requests mean the same however they are cut", async () => {
  const upstream = await openUpstream(echo);
  const engine = await belay.start(upstream.port);
  const wanted: string[] = [];
  const talks: (readonly string[])[] = [];
  for (const { bytes, expect } of rawRequests) {
    if (expect === "refused") continue;
    const cuts = Array.from({ length: bytes.length - 1 }, (_, index) => [bytes.slice(0, index + 1), bytes.slice(index + 1)]);
    for (const pieces of [...cuts, [...bytes]]) {
      talks.push(pieces);
      wanted.push(...expect);
    }
  }
  await inTurn(talks, async (pieces) => {
    const { bytes, end } = await talk({ port: engine.port, pieces, silenceMs });
    assert.equal(end, "closed", pieces.join(""));
    const { messages, rest } = readResponses(bytes, { methods: [], isClosed: true });
    assert.equal(rest, "nothing");
    assert.ok(
      messages.every(({ start }) => start[1] === "200" || start[1] === "100"),
      bytes,
    );
  });
  assert.ok(talks.length > 1_500, `${talks.length} connections`);
  assert.deepEqual(upstream.malformed, []);
  assert.deepEqual(upstream.seen.map(describeRequest).sort(), wanted.sort());
  await engine.stop();
  await upstream.close();
});

const answers: readonly (readonly [bytes: string, body: string])[] = [
  ["HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-A: 1\r\n\r\nhello", "hello"],
  ["HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n0\r\nX-T: 1\r\n\r\n", "hello"],
  ["HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", "ok"],
];

test("answers mean the same however they are cut", async () => {
  const upstream = await openUpstream(({ start: [, target] }, socket) => {
    const [, number = 0, cut = 0] = (/^\/(\d+)\/(\d+)$/.exec(target) ?? []).map(Number);
    const [bytes = ""] = answers[number] ?? [];
    socket.write(bytes.slice(0, cut), "latin1");
    setImmediate(() => socket.write(bytes.slice(cut), "latin1"));
    return null;
  });
  const engine = await belay.start(upstream.port);
  const asked = answers.flatMap(([bytes, body], number) =>
    Array.from({ length: bytes.length }, (_, cut) => ({ path: `/${number}/${cut}`, body })),
  );
  await inTurn(asked, async ({ path, body }) => {
    const request = `GET ${path} HTTP/1.1\r\nHost: shop.test\r\nConnection: close\r\n\r\n`;
    const { bytes, end } = await talk({ port: engine.port, pieces: [request], silenceMs });
    const { messages, rest } = readResponses(bytes, { methods: [], isClosed: true });
    assert.deepEqual([end, rest, messages.at(-1)?.start[1], messages.at(-1)?.body], ["closed", "nothing", "200", body], path);
  });
  await engine.stop();
  await upstream.close();
});

async function inTurn<T>(all: readonly T[], action: (one: T) => Promise<void>): Promise<void> {
  for (let at = 0; at < all.length; at += atOnce) await Promise.all(all.slice(at, at + atOnce).map(action));
}
