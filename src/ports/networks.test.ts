import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { isNetwork, Networks } from "./networks.ts";

test("an address alone is a network of one, and IPv4 is found in its IPv6 form", () => {
  const networks = new Networks(["10.0.0.0/8", "203.0.113.7", "2001:db8::/32"]);
  for (const address of ["10.255.0.1", "::ffff:10.0.0.1", "203.0.113.7", "2001:db8:1::9"])
    assert.ok(networks.has(address), address);
  for (const address of ["11.0.0.1", "203.0.113.8", "2001:db9::", "unknown", ""]) assert.ok(!networks.has(address), address);
});

test("what is no network is said to be none", () => {
  for (const text of ["10.0.0.0/8", "::/0", "127.0.0.1"]) assert.ok(isNetwork(text), text);
  for (const text of ["10.0.0.0/33", "::/129", "10.0.0/8", "10.0.0.0/", "10.0.0.0/8/8", "fe80::1%eth0", "localhost", ""])
    assert.ok(!isNetwork(text), text);
});

test("property: an address is in a network exactly when their leading bits agree", () => {
  fc.assert(
    fc.property(fc.nat(0xffffffff), fc.nat(0xffffffff), fc.integer({ min: 0, max: 32 }), (network, address, prefix) => {
      const dotted = (bits: number) => [24, 16, 8, 0].map((shift) => (bits >>> shift) & 255).join(".");
      const agree = prefix === 0 || network >>> (32 - prefix) === address >>> (32 - prefix);
      assert.equal(new Networks([`${dotted(network)}/${prefix}`]).has(dotted(address)), agree);
    }),
  );
});
