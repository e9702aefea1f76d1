import { BelayError } from "../errors.ts";
import type { Manifest } from "../manifest/manifest.ts";
import { type CommandContext, textOf } from "./command.ts";

/** Where `deploy` returns. */
export type Point = "started" | "staging" | "promoted";

/** Throws `BELAY_CLI_UNTIL_INVALID`. */
export function pointOf(values: CommandContext["values"]): Point {
  const until = values["follow"] === false ? "started" : textOf(values["until"]);
  if (until === "started" || until === "staging" || until === "promoted") return until;
  throw new BelayError({
    code: "BELAY_CLI_UNTIL_INVALID",
    message: `${String(until)} is not a point at which deploy can return`,
    next: "Write --until started, --until staging or --until promoted.",
  });
}

/** The environment that a deploy goes to: the wanted one, or until staging the one before it. Throws `BELAY_CLI_NO_STAGING`. */
export function environmentUntil(point: Point, { service, environments }: Manifest, wanted: string): string {
  if (point !== "staging") return wanted;
  const before = Object.hasOwn(environments, wanted) ? environments[wanted]?.after : undefined;
  if (before !== null && before !== undefined) return before;
  if (Object.hasOwn(environments, "staging")) return "staging";
  throw new BelayError({
    code: "BELAY_CLI_NO_STAGING",
    message: `belay.yml of ${service} has no environment staging (it has ${Object.keys(environments).join(", ")}), so nothing can be deployed until there`,
    next: "Add environments.staging to belay.yml, or write --until started or --until promoted.",
  });
}
