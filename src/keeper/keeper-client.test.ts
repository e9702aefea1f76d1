import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { readJsonLines, sendJsonLine } from "../ports/json-lines.ts";
import { ManualClock } from "../ports/manual-clock.ts";
import { askWhoKeeps, openKeeperClient } from "./keeper-client.ts";
import { keeperProtocol } from "./protocol.ts";

/** A keeper that greets and then answers nothing but what the test answers. `next` resolves with the id of a request. */
async function openSilentKeeper(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), "belay-client-"));
  const path = join(folder, "keeper.sock");
  const waiting: ((asked: { readonly id: number; readonly socket: Socket }) => void)[] = [];
  const server = createServer((socket) => {
    readJsonLines(socket, (message) => {
      const { id } = message as { readonly id: number };
      if (id === 0) sendJsonLine(socket, { id, ok: true, result: { protocol: keeperProtocol, pid: 1 } });
      else waiting.shift()?.({ id, socket });
    });
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  const clock = new ManualClock();
  const client = openKeeperClient(path, { clock, patienceMs: 2_000 });
  t.after(() => {
    client.close();
    server.close();
    rmSync(folder, { recursive: true });
  });
  const next = () => new Promise<{ readonly id: number; readonly socket: Socket }>((resolve) => waiting.push(resolve));
  return { client, clock, next };
}

test("a keeper that takes a question and does not answer it is as good as none", async (t) => {
  const { client, clock, next } = await openSilentKeeper(t);
  const asked = next();
  const listed = assert.rejects(client.list(), { code: "BELAY_KEEPER_UNREACHABLE" });
  await asked;
  clock.advance(2_100);
  await listed;
});

test("a stop may take as long as what it ends", async (t) => {
  const { client, clock, next } = await openSilentKeeper(t);
  const asked = next();
  const stopped = client.stop("worker", 30_000);
  const { id, socket } = await asked;
  clock.advance(20_000);
  sendJsonLine(socket, { id, ok: true });
  await stopped;
});

test("where nobody holds the socket, nobody is waited for", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "belay-client-"));
  t.after(() => rmSync(folder, { recursive: true }));
  // A clock that stands still: whoever waits for an answer, waits for ever.
  const clock = new ManualClock();
  assert.equal(await askWhoKeeps(join(folder, "keeper.sock"), { clock, timeoutMs: 1_000 }), undefined);
});
