import assert from "node:assert/strict";
import { test } from "node:test";
import { emptyTable, type ServiceRoute } from "../routing/table.ts";
import { ProxiesInFront } from "./forwarding.ts";
import { isHttps, isPreviewLink } from "./preview-door.ts";
import { readRequestHead } from "./request-head.ts";

const behindProxy = { ...emptyTable, trustedProxies: ["10.0.0.0/8"] } as unknown as ServiceRoute;

test("a visitor speaks https when the connection does, or a trusted proxy says so", () => {
  const says = (
    peerAddress: string,
    { proto = "", scheme = "http" as "http" | "https", service = behindProxy as ServiceRoute | null },
  ) => {
    const head = readRequestHead({ url: "/", httpVersion: "1.1", rawHeaders: ["Host", "a", "X-Forwarded-Proto", proto] });
    assert.ok(typeof head !== "string");
    return isHttps({ proxiesInFront: new ProxiesInFront() }, head, { connection: { peerAddress, scheme }, service });
  };
  assert.ok(says("198.51.100.1", { scheme: "https", service: null }));
  assert.ok(says("10.0.0.1", { proto: "https" }));
  assert.ok(!says("198.51.100.1", { proto: "https" }));
  assert.ok(!says("10.0.0.1", { proto: "https", service: null }));
  assert.ok(!says("10.0.0.1", { proto: "http" }));
});

test("a preview link is known by the end of its path, below any route", () => {
  assert.ok(isPreviewLink({ url: "/shop/.belay/preview?link=x" }));
  assert.ok(!isPreviewLink({ url: "/?next=/.belay/preview" }));
});
