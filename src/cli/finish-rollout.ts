import type { RolloutView } from "../api/views.ts";
import { BelayError } from "../errors.ts";
import { type CommandContext, exitCodes } from "./command.ts";
import { followRollout } from "./follow-rollout.ts";
import { witnessFolderOf } from "./places.ts";
import { createRolloutDisplay } from "./rollout-display.ts";
import { describeOutcome } from "./rollout-words.ts";
import { openWitness } from "./witness.ts";

/** Follows a rollout to its end, tells how it ended, and keeps what the ledger says now. */
export async function finishRollout(context: CommandContext, rollout: string): Promise<RolloutView> {
  const { io, client, isJson, print } = context;
  const display = createRolloutDisplay(isJson ? io.stderr : io.stdout);
  let view: RolloutView;
  try {
    view = await followRollout({
      client,
      rollout,
      clock: io.clock,
      signal: io.interrupted,
      onLook: (look) => display.show(look),
      onAway: () => display.note("the control plane does not answer; the proxies go on by the last table, and it is asked again"),
    });
  } catch (error) {
    display.end();
    if (io.interrupted.aborted)
      print(`Stopped following. Rollout ${rollout} goes on: see \`belay status\`, end it with \`belay abort\`.`);
    throw error;
  }
  display.end();
  await keepCheckpoint(context);
  print(describeOutcome(view));
  if (isJson) context.printJson(view);
  return view;
}

export function exitCodeOf({ outcome }: RolloutView): number {
  switch (outcome) {
    case "aborted":
    case "superseded":
      return exitCodes.aborted;
    case "refused":
      return exitCodes.refused;
    case "held":
      return exitCodes.held;
    default:
      return exitCodes.done;
  }
}

/** The rollout has ended whether or not this client can remember it: what is in the way is told and changes no exit code. */
async function keepCheckpoint({ io, client }: CommandContext): Promise<void> {
  try {
    openWitness(witnessFolderOf(io)).keep(client.address, await client.checkpoint());
  } catch (error) {
    if (!(error instanceof BelayError)) throw error;
    io.stderr.write(`The ledger's checkpoint was not kept: ${error.message}\n`);
  }
}
