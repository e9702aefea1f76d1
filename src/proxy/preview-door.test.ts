import assert from "node:assert/strict";
import type { IncomingMessage } from "node:http";
import { test } from "node:test";
import { emptyTable, type ServiceRoute } from "../routing/table.ts";
import { isHttps, isPreviewLink } from "./preview-door.ts";

const behindProxy = { ...emptyTable, trustedProxies: ["10.0.0.0/8"] } as unknown as ServiceRoute;

function incoming(remoteAddress: string, own: { readonly proto?: string; readonly encrypted?: boolean; readonly url?: string }) {
  const { proto, encrypted, url = "/" } = own;
  return { url, headers: { "x-forwarded-proto": proto }, socket: { remoteAddress, encrypted } } as unknown as IncomingMessage;
}

test("a visitor speaks https when the connection does, or a trusted proxy says so", () => {
  assert.ok(isHttps(incoming("198.51.100.1", { encrypted: true }), null));
  assert.ok(isHttps(incoming("10.0.0.1", { proto: "https" }), behindProxy));
  assert.ok(!isHttps(incoming("198.51.100.1", { proto: "https" }), behindProxy));
  assert.ok(!isHttps(incoming("10.0.0.1", { proto: "https" }), null));
  assert.ok(!isHttps(incoming("10.0.0.1", { proto: "http" }), behindProxy));
});

test("a preview link is known by the end of its path, below any route", () => {
  assert.ok(isPreviewLink(incoming("", { url: "/shop/.belay/preview?link=x" })));
  assert.ok(!isPreviewLink(incoming("", { url: "/?next=/.belay/preview" })));
});
