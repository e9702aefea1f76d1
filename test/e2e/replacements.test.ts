// Goal: nobody notices that workers are replaced and weights changed. Method: clients of every kind count what fails, and each tunnel
// is one that its client left, or that a worker ended after its drain. `npm run bench:replacements` does it fifty times.
import assert from "node:assert/strict";
import { test } from "node:test";
import { missing } from "../../scripts/setup-debian.ts";
import { runReplacements } from "./replacements.ts";

test("no request fails while workers are replaced and weights change", {
  timeout: 180_000,
  skip: missing("openssl"),
}, async (t) => {
  const result = await runReplacements({ replacements: 6, weightChanges: 24 });
  t.diagnostic(JSON.stringify(result));
  assert.deepEqual([result.failed, result.crashes], [[], []]);
  assert.deepEqual([result.replaced, result.tables], [6, 24]);
  for (const [kind, count] of Object.entries(result.answered)) assert.ok(count > 5, `${count} of ${kind}`);
  const { opened, left, cut } = result.tunnels;
  assert.equal(left + cut, opened);
  assert.equal(result.handshakes, opened);
});
