import assert from "node:assert/strict";
import { test } from "node:test";
import { BelayError } from "../errors.ts";
import { runSource } from "./run-source.ts";

test("the output of a command is the value, and what a failing one wrote is told to nobody", async () => {
  assert.equal(await runSource("printf 'two lines\\nof it\\n'"), "two lines\nof it");
  await assert.rejects(runSource("cat /dev/stdin; echo hunter22; echo hunter22 >&2; exit 3"), (error) => {
    assert.ok(error instanceof BelayError && error.code === "BELAY_CONFIG_COMMAND_FAILED");
    assert.match(error.message, /ended with exit code 3$/);
    return true;
  });
  await assert.rejects(runSource("head -c 100000 /dev/zero"), /wrote more than 65536 bytes/);
});
