import { runInNewContext } from "node:vm";

const timeoutMs = 100;

/** Whether the whole value matches. Bounded in time: the pattern comes from a commit, and the control plane has leases to renew. */
export function doesMatch(pattern: string, value: string): "yes" | "no" | "timeout" {
  try {
    const code = `new RegExp("^(?:" + pattern + ")$", "v").test(value)`;
    const isMatch: unknown = runInNewContext(code, { pattern, value }, { timeout: timeoutMs });
    return isMatch === true ? "yes" : "no";
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ERR_SCRIPT_EXECUTION_TIMEOUT") return "timeout";
    throw cause;
  }
}
