// Goal: clients that never finish their request take nothing from the others, and are let go.
// Method: a thousand connections that each say a part of a head, or a head, and then a byte a second, while one client goes on asking.
import assert from "node:assert/strict";
import { once } from "node:events";
import net from "node:net";
import { test } from "node:test";
import { belay } from "./belay-engine.ts";
import { talk } from "./client.ts";
import { echo, openUpstream } from "./upstream.ts";

const slow = 1_000;

const kinds: readonly { readonly name: string; readonly begun: string }[] = [
  { name: "heads", begun: "GET /slow HTTP/1.1\r\nHost: shop.test\r\nX-Slow: " },
  // With each of them an instance waits too, on a connection of its own.
  {
    name: "bodies",
    begun: "POST /slow HTTP/1.1\r\nHost: shop.test\r\nContent-Length: 1000000\r\n\r\n",
  },
];

for (const { name, begun } of kinds) {
  test(`a thousand slow ${name} do not keep others from being answered, and are ended`, { timeout: 300_000 }, async () => {
    const upstream = await openUpstream(echo);
    const engine = await belay.start(upstream.port);
    const before = process.memoryUsage().rss;
    let open = slow;
    const said: string[] = [];
    const sockets = await Promise.all(
      Array.from({ length: slow }, () => {
        const socket = net.connect(engine.port, "127.0.0.1");
        // From the first on: where the machine takes long for all of them, the first are ended before the last are open.
        socket.on("error", () => {});
        socket.on("close", () => {
          open -= 1;
        });
        socket.once("data", (chunk: Buffer) => said.push(chunk.toString("latin1").slice(0, 12)));
        return once(socket, "connect").then(() => {
          socket.write(begun);
          return socket;
        });
      }),
    );
    const dripping = setInterval(() => {
      for (const socket of sockets) if (socket.writable) socket.write("a");
    }, 1_000);
    let answered = 0;
    let most = 0;
    while (open > 0) {
      const { bytes } = await talk({
        port: engine.port,
        pieces: ["GET /good HTTP/1.1\r\nHost: shop.test\r\nConnection: close\r\n\r\n"],
        silenceMs: 10_000,
      });
      assert.match(bytes, /GET \/good 0$/);
      answered += 1;
      most = Math.max(most, process.memoryUsage().rss - before);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    clearInterval(dripping);
    assert.ok(answered > 20, `${answered} answers`);
    assert.ok(
      said.length === slow && said.every((text) => text === "HTTP/1.1 408"),
      `${said.length} of them were told why: ${said[0]}`,
    );
    assert.ok(most < 200e6, `${most / 1e6} MB more`);
    assert.equal(
      upstream.seen.every(({ start }) => start[1] === "/good"),
      true,
    );
    await engine.stop();
    await upstream.close();
  });
}
