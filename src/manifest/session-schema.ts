import * as z from "zod";
import { run, timeout } from "./check-leaves.ts";
import type { SessionCheck } from "./checks.ts";

const shape = z.strictObject({
  run: run(
    "Begins a session at $BELAY_BEGIN_URL and goes on with it at $BELAY_GO_ON_URL, in the folder of the commit. Exit code 0 when it went on, 1 when it was lost.",
    "node test/session.js",
  ),
  timeout: timeout("2m").prefault("2m"),
});

/** What asks two releases whether visitors can be moved between them. */
export const session: z.ZodType<SessionCheck, Readonly<Record<string, unknown>>> = shape
  .transform(({ run: command, timeout: timeoutMs }) => ({ run: command, timeoutMs }))
  .meta({
    title: "a map of keys",
    description: "Asked in staging: whether a session goes on at the new release, and on the way back at the one that serves.",
    examples: ["{ run: node test/session.js }"],
  });
