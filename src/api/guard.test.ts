import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { createApi } from "./create-api.ts";
import { createFakeInside } from "./fake-inside.ts";
import { allowedHosts } from "./guard.ts";

const token = "belay_secret";
const sha256 = createHash("sha256").update(token).digest("hex");
const hosts = allowedHosts({ host: "127.0.0.1", port: 7070 });

function ask(
  path: string,
  init: { method?: string; headers?: Readonly<Record<string, string | undefined>>; body?: string } = {},
) {
  const inside = createFakeInside();
  const app = createApi({ ...inside, auth: { kind: "token", token: { name: "ci", sha256 }, hosts } });
  const all = { host: "127.0.0.1:7070", authorization: `Bearer ${token}`, ...init.headers };
  const headers = Object.fromEntries(Object.entries(all).filter((pair): pair is [string, string] => pair[1] !== undefined));
  return { inside, response: app.request(`http://127.0.0.1:7070/api/v1${path}`, { ...init, headers }) };
}

async function codeOf(response: Response | Promise<Response>): Promise<unknown> {
  return ((await (await response).json()) as { readonly code?: unknown }).code;
}

test("the token's owner is the actor, whatever the client claims", async () => {
  const headers = { "content-type": "application/json", "belay-actor": "root" };
  const { inside, response } = ask("/services/production/shop/resume", { method: "POST", headers, body: "{}" });
  assert.equal((await response).status, 202);
  assert.deepEqual(inside.asked[0]?.actor, { kind: "person", name: "ci", via: "token" });
});

test("without the token, or with another, nothing is answered", async () => {
  for (const authorization of [
    undefined,
    "",
    "Bearer ",
    "Bearer belay_other",
    `Basic ${token}`,
    `Bearer ${token}x`,
    token,
    `Bearer ${sha256}`,
  ]) {
    const response = await ask("/status", { headers: { authorization } }).response;
    assert.equal(response.status, 401, String(authorization));
    assert.equal(await codeOf(response), "BELAY_API_UNAUTHENTICATED");
  }
});

test("liveness needs no token, but the right host", async () => {
  assert.equal((await ask("/health", { headers: { authorization: undefined } }).response).status, 200);
  assert.equal((await ask("/health", { headers: { authorization: undefined, host: "evil.example" } }).response).status, 403);
});

test("the document of the API needs the token", async () => {
  assert.equal((await ask("/openapi.json", { headers: { authorization: undefined } }).response).status, 401);
});

// Goal: a page whose name was made to resolve to this machine (DNS rebinding) gets nothing, even with a valid token.
test("a host that is not the listener's own is refused", async () => {
  for (const host of ["evil.example:7070", "127.0.0.1", "127.0.0.1:80", "localhost:7071", ""]) {
    assert.equal(await codeOf(ask("/status", { headers: { host } }).response), "BELAY_API_HOST_REFUSED", host);
  }
  for (const host of ["127.0.0.1:7070", "localhost:7070", "LOCALHOST:7070"]) {
    assert.equal((await ask("/status", { headers: { host } }).response).status, 200, host);
  }
});

test("a page of another origin is refused, one of the same is not", async () => {
  for (const origin of ["http://evil.example", "https://127.0.0.1:7070", "http://127.0.0.1:9999", "null"]) {
    assert.equal(await codeOf(ask("/status", { headers: { origin } }).response), "BELAY_API_ORIGIN_REFUSED", origin);
  }
  for (const site of ["cross-site", "same-site"]) {
    assert.equal(
      await codeOf(ask("/status", { headers: { "sec-fetch-site": site } }).response),
      "BELAY_API_ORIGIN_REFUSED",
      site,
    );
  }
  assert.equal(
    (await ask("/status", { headers: { origin: "http://127.0.0.1:7070", "sec-fetch-site": "same-origin" } }).response).status,
    200,
  );
});

test("no answer allows another origin", async () => {
  const response = await ask("/status").response;
  assert.equal(response.headers.get("access-control-allow-origin"), null);
  assert.equal(response.headers.get("cache-control"), "no-store");
});

test("a form cannot command", async () => {
  const headers = { "content-type": "application/x-www-form-urlencoded" };
  assert.equal(
    await codeOf(ask("/services/production/shop/abort", { method: "POST", headers, body: "reason=x" }).response),
    "BELAY_API_CONTENT_TYPE",
  );
});

test("a listener on another address than loopback is not addressed as localhost", () => {
  assert.deepEqual(allowedHosts({ host: "10.0.0.5", port: 7070 }), ["10.0.0.5:7070"]);
  assert.ok(allowedHosts({ host: "0.0.0.0", port: 1 }).includes("localhost:1"));
  assert.ok(allowedHosts({ host: "::1", port: 1 }).includes("[::1]:1"));
});
