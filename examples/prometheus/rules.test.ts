import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { missing } from "../../scripts/setup-debian.ts";
import { metricCatalogue } from "../../src/control/metric-catalogue.ts";

const folder = import.meta.dirname;

test("the rules of alerts are valid, and each fires on what it is for alone", { skip: missing("prometheus") }, () => {
  promtool("check", "config", "prometheus.yml");
  promtool("test", "rules", "alerts.test.yml");
  const alerts = read("alerts.yml").matchAll(/alert: (\w+)/g);
  for (const [, name] of alerts) assert.ok(read("alerts.test.yml").includes(`"${name}"`), `${name} is not tried`);
});

test("rules and dashboard ask for metrics that there are", () => {
  const known = new Set(
    Object.entries(metricCatalogue).flatMap(([name, { type }]) => (type === "histogram" ? [`${name}_bucket`] : [name])),
  );
  for (const file of ["alerts.yml", "alerts.test.yml", "grafana-dashboard.json"]) {
    const asked = new Set(read(file).match(/\bbelay_\w+/g));
    assert.deepEqual(
      [...asked].filter((name) => !known.has(name)),
      [],
      file,
    );
    assert.ok(asked.size > 5);
  }
});

function read(file: string): string {
  return readFileSync(join(folder, file), "utf8");
}

function promtool(...argv: readonly string[]): void {
  const { status, stdout, stderr } = spawnSync("promtool", argv, { cwd: folder, encoding: "utf8", timeout: 120_000 });
  assert.equal(status, 0, stdout + stderr);
}
