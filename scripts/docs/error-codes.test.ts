// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the sources under test are strings
import assert from "node:assert/strict";
import { test } from "node:test";
import { createTree } from "../tidy/tree.ts";
import { describeErrors } from "./error-codes.ts";

/** The sections of the page for one source. */
function sectionsOf(text: string): string {
  const page = describeErrors(createTree([{ path: "src/ledger/log.ts", text }]));
  return page.slice(page.indexOf("## "));
}

test("a BelayError is described by its message and its next step, with values by name", () => {
  const text =
    'new BelayError({\n  code: "BELAY_LEDGER_CONFLICT",\n  message: `at ${options.afterPosition}, ${count + 1} late`,\n  next: "Read it " + "anew.",\n});';
  assert.equal(sectionsOf(text), "## `BELAY_LEDGER_CONFLICT`\n\n- at ‹after position›, ‹…› late  \n  **Next:** Read it anew.\n");
});

test("arguments after a code, alternatives and constants of the file are found", () => {
  const text =
    'const next = "Wait.";\nrefuse("BELAY_A_B", "it ended", isNew ? "Do `x`." : "Do y.");\nfail({ code: "BELAY_A_A", reason: "gone", next });';
  assert.equal(
    sectionsOf(text),
    "## `BELAY_A_A`\n\n- gone  \n  **Next:** Wait.\n\n## `BELAY_A_B`\n\n- it ended  \n  **Next:** Do `x`. *Or:* Do y.\n",
  );
});

test("environment variables are no codes, and the order is that of the alphabet", () => {
  const text =
    'env["BELAY_DATA_FOLDER"];\nif (error.code === "BELAY_Z_Z") throw error;\nreport("BELAY_DATA");\nconst code = "BELAY_A_A";\n';
  assert.equal(sectionsOf(text), "## `BELAY_A_A`\n\n## `BELAY_Z_Z`\n");
});
