import { entryOf } from "../control/control-loop.ts";
import { rolloutId } from "../control/rollout-id.ts";
import { BelayError } from "../errors.ts";
import type { Clock } from "../ports/clock.ts";
import type { Random } from "../ports/random.ts";
import { requireCommand } from "../rollout/commands.ts";
import type { NewEntry } from "../rollout/entry.ts";
import { type Actor, isEnded } from "../rollout/rollout.ts";
import { openAttempt } from "../rollout/task.ts";
import type { ControlProcess } from "./control-process.ts";
import type { DeployStory, Verb } from "./story.ts";

export const environment = "production";

const ann: Actor = { kind: "person", name: "ann", via: "token" };

/**
 * Asks for a deploy as the API does, but for the manifest, of which the story gives the plan. False when it is to be tried
 * again: the answer was no, or none came and the ledger does not show the deploy.
 */
export function deploy(
  control: ControlProcess,
  options: { readonly story: DeployStory; readonly commit: string; readonly clock: Clock; readonly random: Random },
): boolean {
  const { story, commit } = options;
  const { service } = story;
  const latest = control.loop.journal.deployments.find(environment, service)?.rollout ?? null;
  if (latest?.commit === commit) return true;
  const id = rolloutId(service, options);
  const entries: NewEntry[] = [];
  if (latest !== null && !isEnded(latest)) {
    if (!story.isSuperseding) return false;
    requireCommand(latest, "supersede");
    entries.push(entryOf(latest, ann, { kind: "superseded", by: id }));
  }
  const request = { kind: "rollout-requested", rolloutKind: "deploy", root: "", isDirty: false, forecast: "" } as const;
  entries.push(entryOf({ environment, service, id }, ann, { ...request, commit, plan: story.plan }));
  return whetherAllowed(() => control.loop.submit(entries)) && control.isAlive;
}

/** A person's verb, by the production commands. A refusal is an answer like any other; false when none came. */
export async function command(control: ControlProcess, service: string, verb: Verb): Promise<boolean> {
  try {
    await ask(control, service, verb);
  } catch (cause) {
    if (!(cause instanceof BelayError)) throw cause;
  }
  return control.isAlive;
}

const bob: Actor = { kind: "person", name: "bob", via: "token" };

/** Somebody with a token of their own approves what waits. False when no answer came; a refusal is one. */
export async function approve(control: ControlProcess, rollout: string): Promise<boolean> {
  const { commands, loop } = control;
  try {
    // Given once, before the first approval; a crash between the two changes nothing.
    if (loop.journal.deployments.principals.tokens.length === 0) {
      const scope = { service: null, environment: null };
      const fact = { kind: "token-created", id: "b0b", name: bob.name, role: "approver", scope, until: null } as const;
      loop.submit([{ environment: "", service: "", rollout: "", actor: ann, fact }]);
    }
    const { digest, plan, open: needs } = await commands.approval({ rollout });
    await commands.approve({ rollout, digest, plan, needs, reason: "" }, bob);
  } catch (cause) {
    if (!(cause instanceof BelayError)) throw cause;
  }
  return control.isAlive;
}

/** Whether an interrupted task can run again is the story's to know: in all of them it can. */
async function resume({ commands, loop }: ControlProcess, service: string): Promise<unknown> {
  const found = loop.journal.deployments.find(environment, service);
  const isAsked = found !== undefined && openAttempt(found)?.state === "unknown";
  return commands.resume({ environment, service, ...(isAsked ? { task: "retry" } : {}) }, ann);
}

async function ask(control: ControlProcess, service: string, verb: Verb): Promise<unknown> {
  const { commands } = control;
  const request = { environment, service };
  const reason = "a person of the story wants it";
  switch (verb) {
    case "promote":
      return commands.promote({ ...request, isFull: false, skipsAnalysis: false }, ann);
    case "promote-full":
      return commands.promote({ ...request, isFull: true, skipsAnalysis: false }, ann);
    case "skip-analysis":
      return commands.promote({ ...request, isFull: false, skipsAnalysis: true }, ann);
    case "abort":
      return commands.abort({ ...request, reason }, ann);
    case "pause":
      return commands.pause({ ...request, reason }, ann);
    case "resume":
      return resume(control, service);
    case "rollback":
      return commands.rollback({ ...request, target: null, reason }, ann);
  }
}

function whetherAllowed(action: () => void): boolean {
  try {
    action();
    return true;
  } catch (cause) {
    if (cause instanceof BelayError) return false;
    throw cause;
  }
}
