import { harmless } from "./show-table.ts";

/** One look at something. A `fail` is in the way now, a `warn` may be one day. */
export interface Finding {
  readonly about: string;
  readonly level: "pass" | "warn" | "fail";
  readonly words: string;
  /** What to do; empty when it passed. */
  readonly fix: string;
}

export function pass(about: string, words: string): Finding {
  return { about, level: "pass", words, fix: "" };
}

export function warn(about: string, words: string, fix: string): Finding {
  return { about, level: "warn", words, fix };
}

export function fail(about: string, words: string, fix: string): Finding {
  return { about, level: "fail", words, fix };
}

/** One line for each look, and what to do below those that did not pass. */
export function describeFindings(findings: readonly Finding[]): string {
  return findings
    .flatMap(({ about, level, words, fix }) => [
      `  ${level}  ${about}: ${harmless(words).replaceAll(/\s*\n\s*/g, "; ")}`,
      ...(level === "pass" ? [] : [`        ${fix}`]),
    ])
    .join("\n");
}
