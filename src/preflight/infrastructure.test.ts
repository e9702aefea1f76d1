import assert from "node:assert/strict";
import { test } from "node:test";
import { infrastructure } from "./infrastructure.ts";
import { resultOf, toldOf } from "./subject.fixture.ts";

// Written by `terraform show -json` of Terraform 1.11.4, shortened: a deletion, a replacement, and an unchanged resource.
const plan = {
  format_version: "1.2",
  terraform_version: "1.11.4",
  resource_changes: [
    {
      address: "terraform_data.cache",
      mode: "managed",
      type: "terraform_data",
      name: "cache",
      change: { actions: ["delete"], before: { input: "a" }, after: null },
      action_reason: "delete_because_no_resource_config",
    },
    {
      address: "aws_db_instance.orders",
      mode: "managed",
      type: "aws_db_instance",
      name: "orders",
      change: { actions: ["delete", "create"], before: { password: "hunter2hunter2" }, after: {}, replace_paths: [["engine"]] },
    },
    { address: "terraform_data.kept", mode: "managed", type: "terraform_data", name: "kept", change: { actions: ["no-op"] } },
    { address: "data.aws_ami.x", mode: "data", type: "aws_ami", change: { actions: ["delete"] } },
  ],
  applyable: true,
  complete: true,
  errored: false,
};
const checks = "{ infrastructure: [{ plan: plan.json }] }";
const given = (changes: object) => ({ checks, files: { "plan.json": JSON.stringify({ ...plan, ...changes }) } });

test("what holds state must not be deleted or replaced; anything else is told; no value of the plan is kept", async (t) => {
  const result = await resultOf(t, infrastructure, given({}));
  assert.deepEqual(toldOf(result), ["plan.json replace", "plan.json delete"]);
  assert.deepEqual([result.status, result.evidence.inspected], ["fail", 4]);
  assert.doesNotMatch(JSON.stringify(result), /hunter2/);
  const own = await resultOf(t, infrastructure, {
    ...given({ resource_changes: plan.resource_changes.slice(0, 1) }),
    checks: "{ infrastructure: [{ plan: plan.json, protect: [terraform_*] }] }",
  });
  assert.equal(own.status, "fail");
  const waived = await resultOf(t, infrastructure, {
    ...given({}),
    checks:
      "{ infrastructure: [{ plan: plan.json }], waivers: [{ check: infrastructure, rule: replace, reason: r, by: ann, until: 2099-01-01 }] }",
  });
  assert.equal(waived.status, "warn");
});

test("a plan that changes nothing passes, and drift is told", async (t) => {
  assert.equal(
    (await resultOf(t, infrastructure, given({ resource_changes: plan.resource_changes.slice(2, 3) }))).status,
    "pass",
  );
  const drifted = await resultOf(
    t,
    infrastructure,
    given({
      resource_changes: plan.resource_changes.slice(2, 3),
      resource_drift: [{ address: "a.b", change: { actions: ["update"] } }],
    }),
  );
  assert.deepEqual([drifted.status, ...toldOf(drifted)], ["warn", "plan.json drift"]);
});

test("a plan that is missing, broken, failed, not whole, empty or of another format could not be checked", async (t) => {
  for (const changes of [
    { errored: true },
    { complete: false },
    { format_version: "2.0" },
    { resource_changes: undefined },
    { resource_changes: [] },
  ])
    assert.equal((await resultOf(t, infrastructure, given(changes))).status, "error", JSON.stringify(changes));
  assert.equal((await resultOf(t, infrastructure, { checks, files: { "plan.json": "Error: no state" } })).status, "error");
  assert.equal((await resultOf(t, infrastructure, { checks })).status, "error");
  assert.equal((await resultOf(t, infrastructure, {})).status, "skipped");
});
