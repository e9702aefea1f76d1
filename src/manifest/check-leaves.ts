import * as z from "zod";
import { duration, shellCommand, text } from "./leaves.ts";

/** The kinds of values that several checks of belay.yml are given. */
/** Inside the service's folder. */
const relativeGlob = /^(?!\/)(?!.*(^|\/)\.\.(\/|$))[^\0\r\n]{1,1024}$/;

export function glob(description: string, example: string): z.ZodType<string, string> {
  return text(relativeGlob, "a path or glob inside the service's folder", { description, examples: [example] });
}

export function globs(description: string, example: string): z.ZodType<string[], string[]> {
  return z
    .array(glob(description, example))
    .max(200, "has more than 200 globs")
    .meta({ title: "a list of globs", description, examples: [`[${example}]`] });
}

export function run(description: string, example: string): z.ZodType<string, string> {
  return text(shellCommand, "a command line", { description, examples: [example] });
}

export function timeout(example: string): z.ZodType<number, string | 0> {
  return duration({ description: "Time for the command.", examples: [example] }, { atLeastMs: 100 });
}
