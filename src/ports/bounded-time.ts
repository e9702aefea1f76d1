import { createContext, Script } from "node:vm";

export type Bounded<Result> = { readonly kind: "done"; readonly result: Result } | { readonly kind: "timed-out" };

const call = new Script("action()");

/**
 * Runs a synchronous action and breaks it off after `timeoutMs`, also inside of a regular expression: what it worked on is then half done
 * and must not be used any more. What it throws is thrown. It is a limit of time and no fence: the action is Belay's own code.
 */
export function runWithin<Result>(timeoutMs: number, action: () => Result): Bounded<Result> {
  const context = createContext({ action });
  try {
    return { kind: "done", result: call.runInContext(context, { timeout: timeoutMs }) as Result };
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ERR_SCRIPT_EXECUTION_TIMEOUT") return { kind: "timed-out" };
    throw cause;
  }
}
