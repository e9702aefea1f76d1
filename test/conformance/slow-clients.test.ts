// Goal: clients that never finish their request take nothing from the others, and are let go.
// Method: a thousand connections that each say a part of a head and then a byte now and then, while one client goes on asking.
import assert from "node:assert/strict";
import { once } from "node:events";
import net from "node:net";
import { test } from "node:test";
import { belay } from "./belay-engine.ts";
import { talk } from "./client.ts";
import { echo, openUpstream } from "./upstream.ts";

const slow = 1_000;

test("a thousand slow heads do not keep others from being answered, and are ended", { timeout: 120_000 }, async () => {
  const upstream = await openUpstream(echo);
  const engine = await belay.start(upstream.port);
  const before = process.memoryUsage().rss;
  const sockets = await Promise.all(Array.from({ length: slow }, () => openSlow(engine.port)));
  let open = sockets.length;
  const said: string[] = [];
  for (const socket of sockets) {
    socket.on("close", () => {
      open -= 1;
    });
    socket.on("data", (chunk: Buffer) => said.push(chunk.toString("latin1").slice(0, 12)));
  }
  const dripping = setInterval(() => {
    for (const socket of sockets) if (socket.writable) socket.write("a");
  }, 1_000);
  let answered = 0;
  while (open > 0) {
    const { bytes } = await talk({
      port: engine.port,
      pieces: ["GET /good HTTP/1.1\r\nHost: shop.test\r\nConnection: close\r\n\r\n"],
      silenceMs: 10_000,
    });
    assert.match(bytes, /GET \/good 0$/);
    answered += 1;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  clearInterval(dripping);
  assert.ok(answered > 20, `${answered} answers`);
  assert.ok(
    said.length === slow && said.every((text) => text === "HTTP/1.1 408"),
    `${said.length} of them were told why: ${said[0]}`,
  );
  assert.ok(process.memoryUsage().rss - before < 200e6, `${(process.memoryUsage().rss - before) / 1e6} MB more`);
  assert.equal(
    upstream.seen.every(({ start }) => start[1] === "/good"),
    true,
  );
  await engine.stop();
  await upstream.close();
});

async function openSlow(port: number): Promise<net.Socket> {
  const socket = net.connect(port, "127.0.0.1");
  socket.on("error", () => {});
  await once(socket, "connect");
  socket.write("GET /slow HTTP/1.1\r\nHost: shop.test\r\nX-Slow: ");
  return socket;
}
