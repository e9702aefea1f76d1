/**
 * `npm run bench:newman [-- --keep <folder>]`: installs newman from the npm registry into a temporary folder, runs a small collection with it through the
 * check `postman`, and says what the check made of it and how long it took. `--keep` writes the reports there: so the recordings of its test were made.
 * It is no test, since it needs the registry.
 */
import { execFileSync } from "node:child_process";
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { parseManifest } from "../src/manifest/parse-manifest.ts";
import { userEnvironment } from "../src/ports/environment.ts";
import { createSystemClock } from "../src/ports/system-clock.ts";
import { describeResults } from "../src/preflight/describe.ts";
import { postman } from "../src/preflight/postman.ts";
import { runChecks } from "../src/preflight/run-checks.ts";

const version = "6.2.2";

const script = (...exec: string[]) => [{ listen: "test", script: { exec } }];
const collectionOf = (count: number, others: readonly object[]) => ({
  info: { name: "Pets", schema: "https://schema.getpostman.com/json/collection/v2.1.0/collection.json" },
  item: [
    {
      name: "reading",
      item: [
        {
          name: "all pets",
          request: { method: "GET", url: "{{baseUrl}}/pets" },
          event: script(
            "pm.test('is 200', () => pm.response.to.have.status(200));",
            `pm.test('has two', () => pm.expect(pm.response.json().length).to.equal(${count}));`,
          ),
        },
        {
          name: "one pet",
          request: { method: "GET", url: "{{baseUrl}}/pets/1" },
          event: script("pm.test('has a name', () => pm.expect(pm.response.json().name).to.equal('Rex'));"),
        },
      ],
    },
    ...others,
  ],
});
const nobody = { name: "nobody there", request: { method: "GET", url: "http://127.0.0.1:9/pets" } };

const { values } = parseArgs({ options: { keep: { type: "string" } } });
const folder = mkdtempSync(join(tmpdir(), "belay-newman-"));
const server = createServer((request, response) => {
  const rex = { id: 1, name: "Rex" };
  response.setHeader("content-type", "application/json").end(JSON.stringify(request.url === "/pets" ? [rex] : rex));
});
try {
  writeFileSync(join(folder, "package.json"), "{}");
  execFileSync("npm", ["install", "--no-audit", "--no-fund", "--ignore-scripts", `newman@${version}`], {
    cwd: folder,
    stdio: "inherit",
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const passing = await runWith(collectionOf(1, []), "passing");
  const failing = await runWith(collectionOf(2, [nobody]), "failing");
  if (passing !== "pass" || failing !== "fail") process.exitCode = 1;
} finally {
  server.close();
  rmSync(folder, { recursive: true, force: true });
}

async function runWith(collection: object, name: string): Promise<string | undefined> {
  writeFileSync(join(folder, "pets.json"), JSON.stringify(collection));
  const report = join(folder, `${name}.json`);
  const newman = `node_modules/.bin/newman run pets.json --env-var "baseUrl=$BELAY_BASE_URL" --reporters json --reporter-json-export "$BELAY_REPORT"`;
  const run = `${newman}; end=$?; cp "$BELAY_REPORT" ${JSON.stringify(report)}; exit $end`;
  const text = `version: 1\nservice: pets\nrun: { command: node a.js }\nenvironments: { production: { routes: [{ host: a.example.com }] } }\nchecks: { api: { postman: { run: ${JSON.stringify(run)} } } }\n`;
  const parsed = parseManifest(text, "belay.yml");
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  const subject = {
    manifest: parsed.manifest,
    manifestFile: "belay.yml",
    environment: "production",
    commit: null,
    source: null,
    bundle: null,
    given: null,
    tag: undefined,
    previous: null,
    repository: null,
    runsOn: { node: process.versions.node },
    serving: null,
    secretValue: noSecret,
    commands: { cwd: folder, env: userEnvironment() },
    earlier: null,
    running: { host: "127.0.0.1", port: (server.address() as AddressInfo).port, scratch: folder, servingNext: null },
    clock: createSystemClock(),
  };
  const results = await runChecks([postman], { subject, signal: new AbortController().signal, version });
  console.log(`${describeResults(results, (words) => words)}\n        after ${results[0]?.evidence.durationMs} ms`);
  if (values.keep !== undefined) copyFileSync(report, join(values.keep, `newman-${version}-${name}.json`));
  return results[0]?.status;
}

function noSecret(name: string): never {
  throw new Error(`no check of this benchmark needs the secret ${name}`);
}
