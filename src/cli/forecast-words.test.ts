import assert from "node:assert/strict";
import { test } from "node:test";
import { describeForecast } from "./forecast-words.ts";

test("what is expected begins with the short of it, and keeps every figure on lines below", () => {
  assert.equal(
    describeForecast(
      "about 36 min in all; about 4 min of gates at 40 new visitors a second; rules out more than 0.2% extra failing visitors",
    ),
    `Expected: about 36 min in all
    about 4 min of gates at 40 new visitors a second
    rules out more than 0.2% extra failing visitors`,
  );
  assert.equal(describeForecast("first release, nothing to compare with"), "Expected: first release, nothing to compare with");
  assert.equal(describeForecast("it waits\u001b[0m"), "Expected: it waits?[0m");
});
