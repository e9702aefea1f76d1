import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { describeServerAddress, parseServerAddress } from "./server-address.ts";

test("an address names user, host, port and data folder; what is left out is ssh's to decide", () => {
  const plain = { kind: "ssh", user: undefined, host: "vm", port: undefined, dataFolder: undefined };
  assert.deepEqual(parseServerAddress("ssh://vm"), plain);
  assert.deepEqual(parseServerAddress("ssh://vm/"), plain);
  assert.deepEqual(parseServerAddress("ssh://deploy@vm.example.com:2222/srv/belay/"), {
    kind: "ssh",
    user: "deploy",
    host: "vm.example.com",
    port: 2222,
    dataFolder: "/srv/belay",
  });
  assert.deepEqual(parseServerAddress("ssh://[::1]:22"), { ...plain, host: "::1", port: 22 });
  assert.deepEqual(parseServerAddress("https://vm:8443/"), { kind: "url", url: "https://vm:8443" });
});

test("what ssh could take for an option, a variable or a second path is no address", () => {
  const bad = ["vm", "ssh://", "ssh://-oProxyCommand=x", "ssh://-l@vm", "ssh://vm:0", "ssh://vm:70000", "ftp://vm"];
  const badFolders = ["/a b", "/a:b", "/%h", "/$HOME", "/a'b", "/a\nb", '/a"b', "/a;b"].map((folder) => `ssh://vm${folder}`);
  for (const text of [...bad, ...badFolders, "https://user:secret@vm", "https://vm?x=1"]) {
    assert.throws(() => parseServerAddress(text), { code: "BELAY_SERVER_ADDRESS_INVALID" }, text);
  }
  assert.throws(
    () => parseServerAddress("https://me:hunter2@vm"),
    (error: Error) => !error.message.includes("hunter2"),
  );
});

test("property: an address that is understood is written as it was read", () => {
  const part = fc.stringMatching(/^[a-z0-9]{1,8}$/);
  const address = fc.record({
    user: fc.option(part),
    host: part,
    port: fc.option(fc.integer({ min: 1, max: 65_535 })),
    folder: fc.option(part),
  });
  fc.assert(
    fc.property(address, ({ user, host, port, folder }) => {
      const text = `ssh://${user === null ? "" : `${user}@`}${host}${port === null ? "" : `:${port}`}${folder === null ? "" : `/${folder}`}`;
      assert.equal(describeServerAddress(parseServerAddress(text)), text);
    }),
  );
});
