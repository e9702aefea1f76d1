import assert from "node:assert/strict";
import { existsSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { test } from "node:test";
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
