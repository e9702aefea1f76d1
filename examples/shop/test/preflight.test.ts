import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { promisify } from "node:util";
import type { CheckResult } from "../../../src/rollout/check-result.ts";
import { createShopRepository } from "../../../test/e2e/shop-repository.ts";

const folder = mkdtempSync(join(tmpdir(), "shop-preflight-"));
after(() => rmSync(folder, { recursive: true, force: true }));

const program = join(import.meta.dirname, "../../../src/main.ts");

/** What `belay check` says of the shop with one of its releases: `check rule` of each finding that stops it. */
async function stoppedBy(release: string): Promise<readonly string[]> {
  const repository = await createShopRepository(join(folder, release), { checks: "{ migrations: [migrations/*.sql] }" });
  await repository.commitRelease(release);
  const run = promisify(execFile)(process.execPath, [program, "check", "--json"], { cwd: repository.folder });
  // An exit code of 1 is the answer of a check that failed; what it wrote is read all the same.
  const { stdout } = await run.catch((cause: { readonly stdout: string }) => cause);
  const { checks } = JSON.parse(stdout) as { readonly checks: readonly CheckResult[] };
  return checks
    .filter(({ blocks }) => blocks)
    .flatMap(({ check, findings }) => findings.map(({ rule, file }) => `${check}/${rule} ${file}`));
}

test("the good release passes, and each of the releases made for preflight is stopped by what it is made for", async () => {
  assert.deepEqual(await stoppedBy("good"), []);
  assert.deepEqual(await stoppedBy("leaky"), [
    "artifact/private-key deploy.pem",
    "artifact/source-map public/shop.js.map",
    "secrets/private-key deploy.pem",
  ]);
  assert.deepEqual(await stoppedBy("destructive"), [
    "migrations/drop-column migrations/0002-tidy-orders.sql",
    "migrations/blocking-index migrations/0002-tidy-orders.sql",
  ]);
});
