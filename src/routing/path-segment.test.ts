import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { isName, soundsLikeAnEffect } from "./path-segment.ts";

test("what a program names its places by is a name", () => {
  const names =
    "products order-items snake_case API getUser Products v1 v12 oauth2 favicon.ico robots.txt .well-known _next main.css site.webmanifest";
  for (const name of names.split(" ")) assert.ok(isName(name), name);
});

test("what may be somebody's is none", () => {
  const values = [
    ..."42 2026-11-21 order-12 user42 a1b2c3 0x1f 550e8400-e29b-41d4-a716-446655440000 deadbeef DEADBEEF".split(" "),
    ..."jane.doe jane@example.com jane%40example.com ~jane jane+tag Jane%20Doe caf\u00e9 * ** .. . - _".split(" "),
    ..."dBjftJeZ4CVP eyJhbGciOiJIUzI1NiJ9 eyJh.eyJz.SflK QmFzZTY0 x7Kq qkzjxvbnmwrt main.3fa9c1.js".split(" "),
    "the-title-of-an-article",
    "a".repeat(41),
    "abc=def",
    "a;b",
    "a,b",
  ];
  for (const value of values) assert.ok(!isName(value), value);
});

test("property: whatever has a digit, a sign or a letter of no program is a value, and judging a long one takes no longer", () => {
  const odd = fc.string().filter((text) => /[^A-Za-z._-]/.test(text) && !/^(v\d{1,2}|oauth2)$/.test(text));
  fc.assert(fc.property(odd, (text) => !isName(text)));
  assert.ok(!isName("aA".repeat(500_000)));
});

test("a name sounds like an effect by one of its words", () => {
  for (const name of ["logout", "log-out", "logOut", "LogOut", "unsubscribe", "confirm-email", "reset_password", "oauth2"])
    assert.ok(soundsLikeAnEffect(name), name);
  for (const name of ["products", "catalogue", "tokenized", "address", "account", "country"])
    assert.ok(!soundsLikeAnEffect(name), name);
});
