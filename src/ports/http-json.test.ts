import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { getJson } from "./http-json.ts";

test("a server that says nothing, or never ends, is given up at the time limit, and on abort with its reason", async (t) => {
  const server = createServer((request, response) => {
    if (request.url === "/slow") response.write("[1,");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const ask = (path: string, timeoutMs: number, signal = new AbortController().signal) =>
    getJson({
      url: new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`),
      headers: {},
      timeoutMs,
      signal,
    });
  for (const path of ["/silent", "/slow"])
    await assert.rejects(ask(path, 50), {
      code: "BELAY_HTTP_NO_ANSWER",
      message: /could not be asked: no answer within 0\.05 s$/,
    });
  const abort = new AbortController();
  const given = ask("/silent", 60_000, abort.signal);
  abort.abort(new Error("nobody waits for it"));
  await assert.rejects(given, /nobody waits for it/);
});
