import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { TrustedProxies } from "./trusted-proxies.ts";

const proxies = new TrustedProxies(["10.0.0.0/8"]);

test("without trusted proxies the connection says who the client is, whatever is forwarded", () => {
  assert.equal(new TrustedProxies([]).clientAddress("10.0.0.1", ["1.2.3.4"]), "10.0.0.1");
  assert.equal(proxies.clientAddress("198.51.100.1", ["1.2.3.4"]), "198.51.100.1");
});

test("behind trusted proxies the client is the last address that none of them has", () => {
  assert.equal(proxies.clientAddress("10.0.0.1", ["6.6.6.6, 198.51.100.9", "10.0.0.2"]), "198.51.100.9");
  assert.equal(proxies.clientAddress("10.0.0.1", ["198.51.100.9:4711"]), "198.51.100.9");
  assert.equal(proxies.clientAddress("10.0.0.1", ["[2001:db8::1]:4711"]), "2001:db8::1");
  assert.equal(proxies.clientAddress("10.0.0.1", []), "10.0.0.1");
  assert.equal(proxies.clientAddress("10.0.0.1", ["not an address"]), "not an address");
});

test("property: what a client writes into X-Forwarded-For itself never changes who it is", () => {
  const made = fc.array(fc.oneof(fc.ipV4(), fc.string()), { maxLength: 5 });
  fc.assert(
    fc.property(made, (forged) => {
      const said = [...forged, "198.51.100.9", "10.0.0.3"];
      assert.equal(proxies.clientAddress("10.0.0.1", said), "198.51.100.9");
    }),
  );
});
