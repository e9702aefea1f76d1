import type { Exceptions } from "../api/views.ts";
import { BelayError } from "../errors.ts";
import { type CommandOption, textOf } from "./command.ts";

/** What a deploy may be asked to pass over. */
export const exceptionOptions: readonly CommandOption[] = [
  {
    flags: "--override <checks>",
    summary: "Pass over these checks, windows among them, with commas between, once somebody else approves it. Needs --reason.",
  },
  {
    flags: "--fix <words>",
    summary: "It mends this, so that a spent error budget does not hold it; it is kept in the ledger.",
  },
  { flags: "--reason <words>", summary: "Why they are passed over; it is kept in the ledger." },
  {
    flags: "--break-glass <words>",
    summary:
      "In an emergency: go past approvals, hours and failed checks alone, for this reason. It is announced, and somebody else has to review it within 24 hours.",
  },
];

type Values = Readonly<Record<string, string | boolean | undefined>>;

/** Throws `BELAY_CLI_REASON_NEEDED` and `BELAY_CLI_OVERRIDE_OR_BREAK_GLASS`. */
export function exceptionsOf(values: Values): Exceptions {
  const fix = textOf(values["fix"]);
  if (fix?.trim() === "") {
    throw new BelayError({
      code: "BELAY_CLI_REASON_NEEDED",
      message: "--fix is kept with what it mends, and nothing is said",
      next: "Write --fix <words>.",
    });
  }
  return { ...passedOver(values), ...(fix === undefined ? {} : { fix }) };
}

function passedOver(values: Values): Exceptions {
  const override = textOf(values["override"]);
  const breakGlass = textOf(values["breakGlass"]);
  if (override !== undefined && breakGlass !== undefined) {
    throw new BelayError({
      code: "BELAY_CLI_OVERRIDE_OR_BREAK_GLASS",
      message: "--override waits for a second person, and --break-glass does without one",
      next: "Give one of them.",
    });
  }
  const reason = override === undefined ? breakGlass : textOf(values["reason"]);
  if (override === undefined && breakGlass === undefined) return {};
  if (reason === undefined || reason.trim() === "") {
    throw new BelayError({
      code: "BELAY_CLI_REASON_NEEDED",
      message: `${override === undefined ? "--break-glass" : "--override"} is kept with its reason, and none is given`,
      next: override === undefined ? "Write --break-glass <words>." : "Add --reason <words>.",
    });
  }
  if (override === undefined) return { breakGlass: reason };
  const checks = override.split(",").map((name) => name.trim());
  return { override: { checks: checks.filter((name) => name !== ""), reason } };
}
