import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type TestContext, test } from "node:test";
import { parseManifest } from "../manifest/parse-manifest.ts";
import { createSystemClock } from "../ports/system-clock.ts";
import type { BuiltFolders } from "../release/releases.ts";
import { releaseNamed, Story } from "../rollout/rollout.builder.ts";
import { checkRunning } from "./check-running.ts";

const text = `version: 1
service: shop
run: { command: node server.js }
environments: { staging: {}, production: { routes: [{ host: shop.example.com }] } }
checks:
  api: { openapi: openapi.json, postman: { run: "touch was-here; cat report.json > $BELAY_REPORT" } }
`;
const count = { total: 1, pending: 0, failed: 0 };
const files = {
  "openapi.json": JSON.stringify({ openapi: "3.1.0", paths: { "/": { get: { responses: { "200": { description: "it" } } } } } }),
  "report.json": JSON.stringify({ run: { stats: { assertions: count, requests: count }, failures: [] } }),
};

async function check(t: TestContext, hasCommit: boolean) {
  const folder = mkdtempSync(join(tmpdir(), "belay-running-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const kept = join(folder, hasCommit ? "source" : "bundle");
  for (const name of ["bundle", "scratch", "source"]) mkdirSync(join(folder, name));
  for (const [name, content] of Object.entries(files)) writeFileSync(join(kept, name), content);
  const server = createServer((_, response) => response.end());
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => server.close());
  const parsed = parseManifest(text, "belay.yml");
  assert.ok(parsed.ok);
  const { rollout } = new Story().request("b2");
  const paths = Object.keys(files);
  const built: BuiltFolders = {
    bundle: join(folder, "bundle"),
    bundlePaths: hasCommit ? [] : paths,
    source: hasCommit ? join(folder, "source") : null,
    sourcePaths: hasCommit ? paths : [],
    isBuiltNow: false,
    scratch: join(folder, "scratch"),
    repository: folder,
  };
  const { port } = server.address() as AddressInfo;
  const { results, stopping } = await checkRunning({
    rollout,
    release: { ...releaseNamed("b2"), environment: "staging" },
    instance: { id: "shop-b2-0", release: "b2", host: "127.0.0.1", port, isReady: true },
    signal: new AbortController().signal,
    doing: () => {},
    manifest: parsed.manifest,
    servingNext: null,
    releases: { show: (_release, _signal, look) => look(built) },
    nodeFolder: dirname(process.execPath),
    clock: createSystemClock(),
    version: "0",
  });
  return { told: results.map(({ check: name, status }) => `${name} ${status}`), stopping, inBundle: readdirSync(built.bundle) };
}

test("a release is asked by its commit's document and collection", async (t) => {
  const { told, stopping } = await check(t, true);
  assert.deepEqual([told, stopping], [["conformance pass", "postman pass"], []]);
});

test("of a bundle that came without its commit the files are copied, so that no command changes what production gets", async (t) => {
  const { told, inBundle } = await check(t, false);
  assert.deepEqual(told, ["conformance pass", "postman pass"]);
  assert.deepEqual(inBundle, ["openapi.json", "report.json"]);
});
