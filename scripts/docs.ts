/**
 * `npm run docs`: writes docs/reference/ and schema/ from the sources that the program itself uses. With `--check` it writes
 * nothing and fails when a page is stale.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { openApiDocument } from "../src/api/openapi.ts";
import { folderLooks } from "../src/cli/manifest-checks.ts";
import { createProgram, exitCodeWords } from "../src/cli/program.ts";
import { manifestJsonSchema } from "../src/manifest/schema.ts";
import { builtInChecks } from "../src/preflight/all-checks.ts";
import { describeApi } from "./docs/api-page.ts";
import { describeChecks } from "./docs/checks-page.ts";
import { describeCommandLine } from "./docs/command-line-page.ts";
import { describeErrors } from "./docs/error-codes.ts";
import { describeManifest } from "./docs/manifest-page.ts";
import { describeMetrics } from "./docs/metrics-page.ts";
import { readTree } from "./tidy/tree.ts";

const isCheck = process.argv.includes("--check");
const tree = readTree(process.cwd());
const schema = manifestJsonSchema();
const api = openApiDocument();
const pages: Readonly<Record<string, string>> = {
  "docs/reference/api.json": toJson(api),
  "docs/reference/api.md": describeApi(api),
  "docs/reference/checks.md": describeChecks(folderLooks, builtInChecks),
  "docs/reference/cli.md": describeCommandLine(createProgram(), exitCodeWords),
  "docs/reference/errors.md": describeErrors(tree),
  "docs/reference/manifest.md": describeManifest(schema),
  "docs/reference/metrics.md": describeMetrics(),
  "schema/belay.schema.json": toJson(schema),
};

const known = new Map(tree.files.map((file) => [file.path, file.text]));
const stale = Object.entries(pages).filter(([path, text]) => known.get(path) !== text);
if (isCheck && stale.length > 0) {
  console.log(`docs: stale: ${stale.map(([path]) => path).join(", ")}`);
  console.log("Next: run `npm run docs` and commit what it writes.");
  process.exitCode = 1;
} else {
  for (const [path, text] of stale) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
    console.log(`docs: wrote ${path}`);
  }
  console.log(`docs: ${Object.keys(pages).length} generated pages are up to date`);
}

function toJson(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
