import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { createSeededRandom } from "../ports/random.ts";
import { splitCookieHeader, VisitorCookies } from "./visitor-cookie.ts";

const daySeconds = 86_400;
const nowSeconds = 1_800_000_000;

test("a visitor without a cookie gets one, and is the same visitor when it comes back", () => {
  const cookies = cookiesWith(1);
  const first = cookies.identify([], nowSeconds);
  const again = cookies.identify([cookieIn(first.setCookie)], nowSeconds + daySeconds);
  assert.deepEqual(again, { id: first.id, isNew: false, setCookie: null });
  assert.match(first.setCookie ?? "", /^belay_uid=[\w-]{22}\.\w+\.[\w-]{22}; Path=\/; Max-Age=2592000; HttpOnly; SameSite=Lax$/);
});

test("a cookie in its last quarter is renewed with the same id", () => {
  const cookies = cookiesWith(1);
  const first = cookies.identify([], nowSeconds);
  assert.equal(cookies.identify([cookieIn(first.setCookie)], nowSeconds + 22 * daySeconds).setCookie, null);
  const late = cookies.identify([cookieIn(first.setCookie)], nowSeconds + 23 * daySeconds);
  assert.equal(late.id, first.id);
  const renewed = cookies.identify([cookieIn(late.setCookie)], nowSeconds + 40 * daySeconds);
  assert.deepEqual(renewed, { id: first.id, isNew: false, setCookie: null });
});

test("an expired cookie and one of another key are replaced by a new visitor", () => {
  const cookies = cookiesWith(1);
  const first = cookies.identify([], nowSeconds);
  assert.notEqual(cookies.identify([cookieIn(first.setCookie)], nowSeconds + 30 * daySeconds).id, first.id);
  const foreign = cookiesWith(2).identify([], nowSeconds);
  assert.notEqual(cookies.identify([cookieIn(foreign.setCookie)], nowSeconds).id, foreign.id);
});

test("the authentic cookie counts when a forged one stands before it", () => {
  const cookies = cookiesWith(1);
  const { id, setCookie } = cookies.identify([], nowSeconds);
  assert.equal(cookies.identify(["forged", cookieIn(setCookie)], nowSeconds).id, id);
});

test("property: no change of a cookie lets its sender choose an id", () => {
  const cookies = cookiesWith(1);
  const value = cookieIn(cookies.identify([], nowSeconds).setCookie);
  fc.assert(
    fc.property(fc.nat(value.length - 1), fc.constantFrom(..."abAB01._-"), (at, replacement) => {
      const forged = value.slice(0, at) + replacement + value.slice(at + 1);
      const [sentId = ""] = forged.split(".");
      const seen = cookies.identify([forged], nowSeconds);
      // The last character of a mac carries two bits that decode to nothing: the same mac written otherwise is no forgery.
      assert.ok(seen.id !== sentId || sentId === value.split(".")[0]);
      if (seen.id === sentId) assert.equal(macOf(forged), macOf(value));
    }),
  );
});

test("property: any text as a cookie gives a new visitor", () => {
  const cookies = cookiesWith(1);
  fc.assert(fc.property(fc.string(), (text) => assert.notEqual(cookies.identify([text], nowSeconds).setCookie, null)));
});

test("a unit is 16 hex digits that depend on id and key", () => {
  const unit = cookiesWith(1).unitOf("visitor");
  assert.match(unit, /^[0-9a-f]{16}$/);
  assert.notEqual(unit, cookiesWith(1).unitOf("other"));
  assert.notEqual(unit, cookiesWith(2).unitOf("visitor"));
});

test("a preview's cookie is taken out with its name, whatever it holds", () => {
  assert.deepEqual(splitCookieHeader("a=1; __Host-belay_preview.production.shop=k.p=.s; belay_preview.x"), {
    values: [],
    previews: [
      { name: "__Host-belay_preview.production.shop", value: "k.p=.s" },
      { name: "belay_preview.x", value: "" },
    ],
    rest: "a=1",
  });
});

test("only Belay's own cookie is taken out of the header", () => {
  assert.deepEqual(splitCookieHeader("a=1; belay_uid=x.y.z; b=2"), { values: ["x.y.z"], previews: [], rest: "a=1; b=2" });
  assert.deepEqual(splitCookieHeader("belay_uid=x"), { values: ["x"], previews: [], rest: "" });
  assert.deepEqual(splitCookieHeader("not_belay_uid=x;  c"), { values: [], previews: [], rest: "not_belay_uid=x; c" });
});

function cookiesWith(key: number): VisitorCookies {
  return new VisitorCookies({ key: new Uint8Array(32).fill(key), random: createSeededRandom(key) });
}

function cookieIn(setCookie: string | null): string {
  return /^belay_uid=([^;]+)/.exec(setCookie ?? "")?.[1] ?? "";
}

function macOf(value: string): string {
  return Buffer.from(value.split(".")[2] ?? "", "base64url").toString("hex");
}
