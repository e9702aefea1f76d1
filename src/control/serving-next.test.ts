import assert from "node:assert/strict";
import { test } from "node:test";
import { parseManifest } from "../manifest/parse-manifest.ts";
import { newService } from "../rollout/fold.ts";
import { releaseNamed } from "../rollout/rollout.builder.ts";
import type { Release } from "../rollout/rollout.ts";
import type { Service } from "../rollout/service.ts";
import { servingNextOf } from "./serving-next.ts";

const parsed = parseManifest(
  "version: 1\nservice: shop\nrun: { command: node a.js }\nenvironments: { production: { routes: [{ host: a.example.com }] }, staging: {} }\n",
  "belay.yml",
);
assert.ok(parsed.ok);
const { manifest } = parsed;
const fresh: Release = { ...releaseNamed("new"), environment: "staging", routes: [], config: "fresh" };
const address = { host: "127.0.0.1", port: 4711 };

function serviceWith(environment: string, releases: readonly Release[], stable: Release | null): Service {
  const known = Object.fromEntries(releases.map((release) => [release.id, release]));
  return { ...newService(environment, "shop"), releases: known, stable: stable?.id ?? null };
}

function inStaging(name: string, config: string): Release {
  return { ...releaseNamed(name), id: `${name}-${config}`, environment: "staging", routes: [], config };
}

/** What is asked or started when production serves `old`, and staging is as given. */
async function partnerOf(staging: Service) {
  const old: Release = { ...releaseNamed("old"), config: "theirs" };
  const services: Readonly<Record<string, Service>> = { staging, production: serviceWith("production", [old], old) };
  const started: Release[] = [];
  const next = servingNextOf({
    release: fresh,
    manifest,
    find: (environment) => services[environment],
    tryBoot: async (release, _signal, use) => {
      started.push(release);
      await use(address);
      return { kind: "answered", afterMs: 5 };
    },
  });
  const ports: number[] = [];
  const answer = await next?.whileUp(new AbortController().signal, async ({ port }) => void ports.push(port));
  assert.deepEqual([next?.id, next?.environment, answer?.kind], ["old", "production", "answered"]);
  return { ports, started: started.map(({ id, environment, config }) => [id, environment, config]) };
}

test("the instance in staging that runs the files which serve production is asked, and nothing is started", async () => {
  const same = inStaging("old", "own");
  const service = serviceWith("staging", [same, fresh], same);
  const instances = { "shop.0": { id: "shop.0", release: same.id, host: "127.0.0.1", port: 80, isReady: true } };
  assert.deepEqual(await partnerOf({ ...service, instances }), { ports: [80], started: [] });
  const down = { "shop.0": { ...instances["shop.0"], isReady: false } };
  assert.deepEqual((await partnerOf({ ...service, instances: down })).started, [["old-own", "staging", "own"]]);
});

test("where staging serves something else, it is started with the configuration that it had in staging", async () => {
  const ahead = inStaging("ahead", "later");
  const service = serviceWith("staging", [inStaging("old", "own"), ahead, fresh], ahead);
  const instances = { "shop.0": { id: "shop.0", release: ahead.id, host: "127.0.0.1", port: 80, isReady: true } };
  const { ports, started } = await partnerOf({ ...service, instances });
  assert.deepEqual([ports, started], [[4711], [["old-own", "staging", "own"]]]);
});

test("what never came through staging is started with the new release's configuration, never with production's", async () => {
  const { started } = await partnerOf(serviceWith("staging", [fresh], null));
  assert.deepEqual(
    started.map(([, ...of]) => of),
    [["staging", "fresh"]],
  );
});

test("where nothing serves production yet, there is nothing to ask", () => {
  const services = { production: serviceWith("production", [], null) };
  const options = { release: fresh, manifest, tryBoot: () => assert.fail("it was started") };
  assert.equal(servingNextOf({ ...options, find: (name) => (name === "production" ? services.production : undefined) }), null);
  assert.equal(servingNextOf({ ...options, find: () => undefined }), null);
});
