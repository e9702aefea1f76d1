import assert from "node:assert/strict";
import { generateKeyPairSync, sign } from "node:crypto";
import { test } from "node:test";
import fc from "fast-check";
import type { PreviewKey, PreviewPurpose } from "../rollout/preview.ts";
import { PreviewDesk, previewCookieName } from "./preview-desk.ts";
import { type PreviewPass, writePass } from "./preview-pass.ts";
import type { RoutingTable, ServiceRoute } from "./table.ts";

function keyOf(purpose: PreviewPurpose, id: string) {
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  const known: PreviewKey = { purpose, id, publicKey: publicKey.export({ format: "jwk" }).x ?? "" };
  return { known, signer: { purpose, id, sign: (text: string) => sign(null, Buffer.from(text), privateKey) } };
}

const cookieKey = keyOf("cookie", "c1");
const linkKey = keyOf("link", "l1");
const shop: ServiceRoute = {
  service: "shop",
  environment: "production",
  routes: [{ host: "*", path: "/" }],
  stable: { release: "old", targets: [] },
  exposure: null,
  watch: null,
  responseDeadlineMs: 1_000,
  previews: [{ release: "new", targets: [] }],
  expose: "previews",
};
const pass: PreviewPass = { environment: "production", service: "shop", release: "new", nonce: "n1", expires: 1_000 };

function openDesk(previewKeys: RoutingTable["previewKeys"] = [cookieKey.known, linkKey.known]): PreviewDesk {
  const desk = new PreviewDesk();
  desk.serve({ epoch: 1, services: [shop], previewKeys });
  return desk;
}

function seenBy(desk: PreviewDesk, value: string, own: { readonly service?: ServiceRoute; readonly nowSeconds?: number } = {}) {
  const { service = shop, nowSeconds = 999 } = own;
  const cookies = [{ name: previewCookieName(service, false), value }];
  return desk.poolFor(service, { cookies, isHttps: false, nowSeconds })?.release ?? null;
}

function counts(desk: PreviewDesk): Record<string, number> {
  return Object.fromEntries(desk.refusals().map(({ why, count }) => [why, count]));
}

test("the holder of a signed cookie sees its release until it ends, or until no instance is left", () => {
  const desk = openDesk();
  const cookie = writePass(pass, cookieKey.signer);
  assert.equal(seenBy(desk, cookie), "new");
  assert.equal(seenBy(desk, cookie, { service: { ...shop, previews: [] } }), null);
  assert.deepEqual(counts(desk), {}, "that a release is gone is nobody's fault");
  assert.equal(seenBy(desk, cookie, { nowSeconds: 1_000 }), null);
  assert.deepEqual(counts(desk), { expired: 1 });
});

test("what is for another service, another purpose or by a key that is not known is not taken, and counted", () => {
  const desk = openDesk();
  assert.equal(seenBy(desk, writePass({ ...pass, service: "blog" }, cookieKey.signer)), null);
  assert.equal(seenBy(desk, writePass({ ...pass, environment: "staging" }, cookieKey.signer)), null);
  assert.equal(seenBy(desk, writePass(pass, linkKey.signer)), null);
  assert.equal(seenBy(desk, writePass(pass, keyOf("cookie", "c1").signer)), null);
  assert.equal(seenBy(desk, writePass(pass, { ...linkKey.signer, purpose: "cookie", id: "c1" })), null);
  assert.deepEqual(counts(desk), { foreign: 2, forged: 3 });
});

test("a key that is gone from the table takes with it what it signed, also what was checked before", () => {
  const desk = openDesk();
  const cookie = writePass(pass, cookieKey.signer);
  assert.equal(seenBy(desk, cookie), "new");
  desk.serve({ epoch: 2, services: [shop], previewKeys: [keyOf("cookie", "c2").known, cookieKey.known] });
  assert.equal(seenBy(desk, cookie), "new");
  desk.serve({ epoch: 3, services: [shop], previewKeys: [keyOf("cookie", "c3").known] });
  assert.equal(seenBy(desk, cookie), null);
});

test("over https only the cookie counts that no other host and no plain http can have planted", () => {
  const desk = openDesk();
  const value = writePass(pass, cookieKey.signer);
  const pool = (name: string, isHttps: boolean) =>
    desk.poolFor(shop, { cookies: [{ name, value }], isHttps, nowSeconds: 1 })?.release ?? null;
  assert.equal(pool("__Host-belay_preview.production.shop", true), "new");
  assert.equal(pool("belay_preview.production.shop", true), null);
  assert.equal(pool("belay_preview.production.shop", false), "new");
});

test("of a head that is full of cookies a few are checked, because each costs as much as a request", () => {
  const desk = openDesk();
  const name = previewCookieName(shop, false);
  const forged = Array.from({ length: 100 }, (_, index) => ({ name, value: `c1.${index}.${"A".repeat(86)}` }));
  const good = { name, value: writePass(pass, cookieKey.signer) };
  const poolFor = (cookies: readonly { readonly name: string; readonly value: string }[]) =>
    desk.poolFor(shop, { cookies, isHttps: false, nowSeconds: 999 })?.release ?? null;
  assert.equal(poolFor([...forged, good]), null);
  assert.deepEqual(counts(desk), { forged: 4 });
  assert.equal(
    poolFor([{ name: "a", value: "b" }, ...forged.slice(0, 3), good]),
    "new",
    "one that somebody planted hides no good one",
  );
});

test("property: no change of a single character makes another pass", () => {
  const desk = openDesk();
  const cookie = writePass(pass, cookieKey.signer);
  fc.assert(
    fc.property(fc.nat(cookie.length - 1), fc.stringMatching(/^[\w.-]$/), (at, other) => {
      fc.pre(cookie[at] !== other);
      const changed = `${cookie.slice(0, at)}${other}${cookie.slice(at + 1)}`;
      // The last character of base64 has bits that mean nothing: the same pass, spelt in another way.
      assert.equal(seenBy(desk, changed), at === cookie.length - 1 && seenBy(desk, changed) === "new" ? "new" : null);
    }),
  );
});

test("property: text of any kind is refused without a failure", () => {
  const desk = openDesk();
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.string().map((text) => `c1.${text}.${text}`),
        fc.string({ minLength: 2_000 }),
      ),
      (text) => {
        assert.equal(seenBy(desk, text), null);
        assert.equal(desk.readLink(shop, text, 1).kind, "refused");
      },
    ),
  );
});
