import assert from "node:assert/strict";
import { test } from "node:test";
import { normalizeHost, RouteIndex } from "./find-route.ts";
import type { ServiceRoute } from "./table.ts";

const index = new RouteIndex({
  epoch: 1,
  services: [
    service("shop", [{ host: "shop.example.com", path: "/" }]),
    service("api", [{ host: "shop.example.com", path: "/api" }]),
    service("api-v2", [{ host: "shop.example.com", path: "/api/v2/" }]),
    service("rest", [{ host: "*", path: "/health" }]),
  ],
});

test("the longest path prefix of the host wins, by whole segments", () => {
  assert.equal(find("shop.example.com", "/"), "shop");
  assert.equal(find("shop.example.com", "/api"), "api");
  assert.equal(find("shop.example.com", "/api/v1"), "api");
  assert.equal(find("shop.example.com", "/api/v2/x"), "api-v2");
  assert.equal(find("shop.example.com", "/apis"), "shop");
});

test("a host's own routes go before those of any host", () => {
  assert.equal(find("shop.example.com", "/health"), "shop");
  assert.equal(find("other.example.com", "/health"), "rest");
  assert.equal(find("other.example.com", "/"), null);
});

test("a host is compared in lower case, without port and trailing dot", () => {
  assert.equal(normalizeHost("Shop.Example.com:8080"), "shop.example.com");
  assert.equal(normalizeHost("shop.example.com."), "shop.example.com");
  assert.equal(normalizeHost("[::1]:80"), "[::1]");
  assert.equal(normalizeHost("[::1]"), "[::1]");
});

function find(host: string, path: string): string | null {
  return index.find(host, path)?.service.service ?? null;
}

function service(name: string, routes: ServiceRoute["routes"]): ServiceRoute {
  return {
    service: name,
    environment: "production",
    routes,
    stable: { release: "r1", targets: [] },
    exposure: null,
    watch: null,
    responseDeadlineMs: 1000,
    expose: "previews",
  };
}
