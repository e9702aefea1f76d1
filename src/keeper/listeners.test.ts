import assert from "node:assert/strict";
import { existsSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { closeListener, isSameAddress, openListeners, parseTcpAddress } from "./listeners.ts";

async function inFolder(use: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "belay-listeners-"));
  try {
    await use(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test("port 0 gives a port, and the address says which", async () => {
  const [listener] = await openListeners({ http: "127.0.0.1:0" }, {});
  assert.match(listener?.address ?? "", /^127\.0\.0\.1:[1-9]\d*$/);
  if (listener !== undefined) closeListener(listener);
});

test("a unix socket is for its user alone, and its file goes with it", async () => {
  await inFolder(async (folder) => {
    const path = join(folder, "a.sock");
    const [listener] = await openListeners({ api: path }, {});
    assert.equal(statSync(path).mode & 0o777, 0o600);
    if (listener !== undefined) closeListener(listener);
    assert.ok(!existsSync(path));
  });
});

test("a socket file on which nobody listens any more is replaced, one that is held is not", async () => {
  await inFolder(async (folder) => {
    const path = join(folder, "a.sock");
    const [stale] = await openListeners({ api: path }, {});
    const [listener] = await openListeners({ api: path }, {});
    const server = createServer()
      .listen({ fd: listener?.fd ?? -1 })
      .unref();
    await new Promise((resolve) => server.once("listening", resolve));
    await assert.rejects(openListeners({ api: path }, {}), { code: "BELAY_KEEPER_PORT_IN_USE" });
    assert.ok(existsSync(path));
    server.close();
    stale?.handle?.close();
  });
});

test("when one address cannot be bound, none stays bound", async () => {
  await inFolder(async (folder) => {
    const path = join(folder, "a.sock");
    const blocker = createServer().listen(0, "127.0.0.1").unref();
    await new Promise((resolve) => blocker.once("listening", resolve));
    const port = (blocker.address() as { port: number }).port;
    await assert.rejects(openListeners({ api: path, http: `127.0.0.1:${port}` }, {}), { code: "BELAY_KEEPER_PORT_IN_USE" });
    assert.ok(!existsSync(path));
    blocker.close();
  });
});

test("what cannot be listened on says why and what to do", async () => {
  const long = `/tmp/${"x".repeat(120)}.sock`;
  await assert.rejects(openListeners({ api: long }, {}), { code: "BELAY_DATA_PATH_TOO_LONG" });
  await assert.rejects(openListeners({ http: "192.0.2.1:80" }, {}), {
    code: "BELAY_KEEPER_CANNOT_LISTEN",
    message: /EADDRNOTAVAIL/,
  });
  for (const address of ["8080", "example.com:80", "127.0.0.1:70000", "127.0.0.1:", "::1:80"]) {
    await assert.rejects(openListeners({ http: address }, {}), { code: "BELAY_KEEPER_ADDRESS_INVALID" });
  }
});

test("one address for two listeners is refused by the options that name it, before anything is bound", async () => {
  const twice = {
    code: "BELAY_KEEPER_ADDRESS_TWICE",
    message: /^--listen 127\.0\.0\.1:18099 and --tls .*:18099 ask for the same port$/,
  };
  for (const https of ["127.0.0.1:18099", ":18099", "[::]:18099", "localhost:18099"])
    await assert.rejects(openListeners({ http: "127.0.0.1:18099", https }, {}), twice, https);
  const opened = await openListeners({ http: "127.0.0.1:0", https: "127.0.0.1:0", metrics: "[::1]:0" }, {});
  for (const listener of opened) closeListener(listener);
});

test("an address that is taken names the option that asked for it", async () => {
  const blocker = createServer().listen(0, "127.0.0.1").unref();
  await new Promise((resolve) => blocker.once("listening", resolve));
  const address = `127.0.0.1:${(blocker.address() as { port: number }).port}`;
  await assert.rejects(openListeners({ metrics: address }, {}), {
    next: /^Choose another address with --metrics, or stop that program/,
  });
  blocker.close();
});

test("an address may leave out what is usual", () => {
  assert.deepEqual(parseTcpAddress(":80"), { host: "0.0.0.0", port: 80 });
  assert.deepEqual(parseTcpAddress("*:80"), { host: "0.0.0.0", port: 80 });
  assert.deepEqual(parseTcpAddress("localhost:80"), { host: "127.0.0.1", port: 80 });
  assert.deepEqual(parseTcpAddress("[::1]:80"), { host: "::1", port: 80 });
  assert.ok(isSameAddress("localhost:80", "127.0.0.1:80"));
  assert.ok(isSameAddress(":80", "0.0.0.0:80"));
  assert.ok(!isSameAddress("127.0.0.1:80", "0.0.0.0:80"));
});
