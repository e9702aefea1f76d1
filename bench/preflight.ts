/**
 * The checks that only read files, on a project of 5,000 files and 50 MB: how long each takes and all of them together. They must be done
 * in 3 s on two cores. `npm run bench:preflight -- --runs 5`
 */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { parseManifest } from "../src/manifest/parse-manifest.ts";
import { createSystemClock } from "../src/ports/system-clock.ts";
import { checksOf } from "../src/preflight/all-checks.ts";
import { openFileTree } from "../src/preflight/file-tree.ts";
import { runChecks } from "../src/preflight/run-checks.ts";
import { describeSpread } from "./spread.ts";

const filesWanted = 5_000;
const fileBytes = 10_000;
const budgetMs = 3_000;

/** Lines as people write them, with words that the rules look for in one file of ten. */
function sourceOf(number: number): string {
  const lines: string[] = [];
  for (let bytes = 0; bytes < fileBytes; bytes += lines.at(-1)?.length ?? 0) {
    const at = number * 1_000 + lines.length;
    const secretive = number % 10 === 0 && lines.length % 20 === 0;
    lines.push(
      secretive
        ? `const tokenName = config.password ?? "see https://example.com/${at}";\n`
        : `export const value${at} = compute(${at * 7919}, "text of line ${at}");\n`,
    );
  }
  return lines.join("");
}

function writeProject(folder: string): readonly string[] {
  const packages = {
    "": { dependencies: { ms: "2.1.3" } },
    ...Object.fromEntries(
      Array.from({ length: 800 }, (_, index) => [
        `node_modules/p${index}`,
        { version: "1.0.0", resolved: `https://r/p${index}.tgz`, integrity: "sha512-x" },
      ]),
    ),
  };
  const files: Record<string, string> = {
    "package.json": JSON.stringify({ version: "1.0.0", dependencies: { ms: "2.1.3" } }),
    "package-lock.json": JSON.stringify({ lockfileVersion: 3, packages }),
  };
  for (let index = 0; index < 20; index += 1)
    files[`migrations/${index}.sql`] = Array.from(
      { length: 10 },
      (_, line) => `ALTER TABLE orders ADD COLUMN c${index}_${line} integer;\n`,
    ).join("");
  for (let index = Object.keys(files).length; index < filesWanted; index += 1)
    files[`src/part${index % 50}/file${index}.js`] = sourceOf(index);
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  return Object.keys(files);
}

const { values } = parseArgs({ options: { runs: { type: "string", default: "5" } } });
const folder = mkdtempSync(join(tmpdir(), "belay-preflight-"));
try {
  const paths = writeProject(folder);
  const parsed = parseManifest(
    `version: 1
service: shop
run: { command: node server.js }
release: { build: npm ci }
config: { REGION: { default: eu } }
environments: { production: { routes: [{ host: "*" }] } }
checks: { migrations: ["migrations/*.sql"] }
kpis: { done: { user: a visitor of the shop, outcome: orders something, good: { route: POST /orders }, of: { per: visitor } } }
windows: [{ days: [mon, tue, wed, thu, fri, sat, sun], from: "00:00", to: "00:00", zone: Europe/Paris }]
`,
    "belay.yml",
  );
  assert.ok(parsed.ok);
  const { manifest } = parsed;
  const clock = createSystemClock();
  const totals: number[] = [];
  const perCheck = new Map<string, number[]>();
  let bytes = 0;
  for (let run = 0; run < Number(values.runs); run += 1) {
    const startedAtMs = clock.monotonicMs();
    const tree = await openFileTree(folder, paths);
    const subject = {
      manifest,
      manifestFile: "belay.yml",
      environment: "production",
      commit: null,
      source: tree,
      bundle: tree,
      given: { values: [{ name: "REGION", doubts: [], sameIn: [] }], missing: [], unseen: [], elsewhere: {} },
      tag: undefined,
      previous: null,
      repository: null,
      commands: { cwd: folder, env: {} },
      runsOn: { node: process.versions.node },
      serving: null,
      secretValue: () => "",
      earlier: null,
      running: null,
      clock,
    };
    const results = await runChecks(checksOf(manifest.checks), {
      subject,
      signal: new AbortController().signal,
      version: "bench",
    });
    totals.push(clock.monotonicMs() - startedAtMs);
    bytes = tree.files.reduce((sum, file) => sum + file.bytes, 0);
    for (const { check, status, summary, evidence } of results) {
      assert.ok(["pass", "skipped"].includes(status), `${check}: ${summary}`);
      if (status === "pass") perCheck.set(check, [...(perCheck.get(check) ?? []), evidence.durationMs]);
    }
  }
  console.log(`${paths.length} files, ${(bytes / 1e6).toFixed(1)} MB`);
  for (const [check, times] of perCheck) console.log(`  ${check}: ${describeSpread(times, "ms")}`);
  console.log(`all checks together, with the list of files: ${describeSpread(totals, "ms")} (at most ${budgetMs})`);
  if (Math.max(...totals) > budgetMs) process.exitCode = 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
