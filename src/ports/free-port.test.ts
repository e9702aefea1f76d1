import assert from "node:assert/strict";
import { createServer } from "node:net";
import { test } from "node:test";
import { findFreePort, portsOutside } from "./free-port.ts";

test("ports are taken from the wider side of the kernel's own range", () => {
  assert.deepEqual(portsOutside("32768\t60999\n"), { first: 20_000, last: 32_767 });
  assert.deepEqual(portsOutside("1024 40000"), { first: 40_001, last: 65_535 });
  assert.deepEqual(portsOutside("1024 65535"), { first: 20_000, last: 65_535 }, "all of it is the kernel's: no better choice");
});

test("a port that is taken, or on which somebody listens, is passed over", async () => {
  // Well before the end of the range, and not where another run of this test looks.
  const random = { bytes: () => new Uint8Array(), float: () => (process.pid % 1_000) / 1_250 };
  const host = "127.0.0.1";
  const first = await findFreePort({ host, taken: new Set(), random });
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(first, host, resolve));
  const second = await findFreePort({ host, taken: new Set(), random });
  const third = await findFreePort({ host, taken: new Set([second]), random });
  assert.ok(second > first && third > second);
  server.close();
});
