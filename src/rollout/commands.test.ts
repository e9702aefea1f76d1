import assert from "node:assert/strict";
import { test } from "node:test";
import { answerTo, type Command, requireCommand, requireRunning } from "./commands.ts";
import { failed, Story } from "./rollout.builder.ts";
import type { Phase } from "./rollout.ts";

const ENDED = "BELAY_ROLLOUT_ENDED";
const ENDING = "BELAY_ROLLOUT_ENDING";
const NOT_PAUSED = "BELAY_ROLLOUT_NOT_PAUSED";
const PAUSED = "BELAY_ROLLOUT_PAUSED";
const BRAKED = "BELAY_ROLLOUT_BRAKED";
const NOT_EXPOSED = "BELAY_ROLLOUT_NOT_EXPOSED";

const commands: readonly Command[] = [
  "promote",
  "promote --full",
  "promote --skip-analysis",
  "abort",
  "pause",
  "resume",
  "supersede",
];

/** Phase by command, written out: what a person gets. */
const table: Readonly<Record<Phase["name"], readonly string[]>> = {
  pending: [NOT_EXPOSED, NOT_EXPOSED, NOT_EXPOSED, "allowed", NOT_EXPOSED, NOT_PAUSED, "allowed"],
  progressing: ["allowed", "allowed", "allowed", "allowed", "allowed", NOT_PAUSED, "allowed"],
  held: ["allowed", "allowed", "allowed", "allowed", "allowed", NOT_PAUSED, "allowed"],
  braked: [BRAKED, BRAKED, BRAKED, "allowed", BRAKED, NOT_PAUSED, "allowed"],
  paused: [PAUSED, PAUSED, "allowed", "allowed", PAUSED, "allowed", "allowed"],
  baking: ["allowed", "allowed", "allowed", "allowed", "allowed", NOT_PAUSED, "allowed"],
  promoting: [ENDING, ENDING, ENDING, "allowed", ENDING, NOT_PAUSED, "allowed"],
  aborting: [ENDING, ENDING, ENDING, ENDING, ENDING, NOT_PAUSED, "allowed"],
  promoted: [ENDED, ENDED, ENDED, ENDED, ENDED, ENDED, ENDED],
  aborted: [ENDED, ENDED, ENDED, ENDED, ENDED, ENDED, ENDED],
  refused: [ENDED, ENDED, ENDED, ENDED, ENDED, ENDED, ENDED],
  superseded: [ENDED, ENDED, ENDED, ENDED, ENDED, ENDED, ENDED],
};

for (const [phase, row] of Object.entries(table)) {
  test(`a rollout that is ${phase} answers each command as the table says`, () => {
    const answers = commands.map((command) => {
      const answer = answerTo(phase as Phase["name"], command);
      return answer === "allowed" ? answer : answer.code;
    });
    assert.deepEqual(answers, row);
  });
}

test("a refused command names the rollout, the reason and the next thing to do", () => {
  const { rollout } = new Story().exposed().tell(failed);
  assert.throws(() => requireCommand(rollout, "promote"), {
    code: ENDING,
    message: `${rollout.id} does not take promote: it is aborting`,
  });
});

test("a command without a running rollout is refused by the service's name", () => {
  assert.throws(() => requireRunning(null, "shop"), { code: "BELAY_ROLLOUT_NONE", message: "no rollout of shop is running" });
});
