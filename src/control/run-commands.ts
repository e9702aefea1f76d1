import { BelayError } from "../errors.ts";
import type { NewEntry } from "../rollout/entry.ts";
import type { Actor, Release } from "../rollout/rollout.ts";
import type { Service } from "../rollout/service.ts";
import { type OneOff, openAttempt } from "../rollout/task.ts";
import { nextOneOff } from "./task-keeper.ts";

/** Entry of a person who says what became of an interrupted task. Throws `BELAY_TASK_NOT_INTERRUPTED`. */
export function resolveTask(service: Service, as: "done" | "retry", actor: Actor): NewEntry {
  const open = openAttempt(service);
  if (open?.state === "unknown") {
    const fact = { kind: "task-resolved", run: open.run, task: open.task, as } as const;
    return { environment: service.environment, service: service.name, rollout: open.rollout, actor, fact };
  }
  throw new BelayError({
    code: "BELAY_TASK_NOT_INTERRUPTED",
    message: `${service.name} has no task that was interrupted${open === null ? "" : `; ${open.task} is running`}`,
    next: "Run `belay status` to see where its rollout stands.",
  });
}

/** To go on would be to guess. Throws `BELAY_TASK_INTERRUPTED` while a task of the service is unknown. */
export function requireKnownTasks(service: Service): void {
  const open = openAttempt(service);
  if (open?.state !== "unknown") return;
  throw new BelayError({
    code: "BELAY_TASK_INTERRUPTED",
    message: `nobody knows whether the task ${open.task} of ${open.release} did its work: ${open.how}`,
    next: askAboutTask(service.name, open.task),
  });
}

/** What a person has to find out, and how to say it. */
export function askAboutTask(service: string, task: string): string {
  return `Look at \`belay logs ${service} --task ${task}\` and at what ${task} changes (the database). If its work is whole: \`belay resume ${service} --task-done\`; if it can run again: \`belay resume ${service} --retry-task\`; else \`belay abort ${service}\`.`;
}

export interface OneOffRequest {
  readonly command: readonly string[];
  /** By default the release that serves everyone. */
  readonly release: string | null;
  readonly reason: string;
}

/** Entry of a command that a person runs once. Throws `BELAY_RUN_NO_RELEASE`. */
export function startOneOff(
  service: Service,
  request: OneOffRequest,
  actor: Actor,
): { readonly run: string; readonly entry: NewEntry } {
  const release = requireRelease(service, request.release);
  const run = nextOneOff(service, release);
  const { command, reason } = request;
  const fact = { kind: "run-started", run, release: release.id, command, reason } as const;
  return { run, entry: { environment: service.environment, service: service.name, rollout: "", actor, fact } };
}

/** Entry that ends a command on a person's word; nothing when it has ended. Throws `BELAY_RUN_UNKNOWN`. */
export function stopOneOff(service: Service, run: string, actor: Actor, nowMs: number): readonly NewEntry[] {
  const { end, startedAt } = requireOneOff(service, run);
  if (end !== null) return [];
  const ranMs = Math.max(0, nowMs - Temporal.Instant.from(startedAt).epochMilliseconds);
  const fact = { kind: "run-ended", run, exitCode: null, how: `stopped by ${actor.name}`, ranMs } as const;
  return [{ environment: service.environment, service: service.name, rollout: "", actor, fact }];
}

/** Throws `BELAY_RUN_UNKNOWN`. */
export function requireOneOff(service: Service, run: string): OneOff {
  const found = service.oneOffs.runs.find((known) => known.run === run);
  if (found !== undefined) return found;
  throw new BelayError({
    code: "BELAY_RUN_UNKNOWN",
    message: `${service.name} has no command ${run}; of those that have ended only the last 20 are kept`,
    next: `Run \`belay history\` to see what was run, and \`belay logs ${service.name} --task once\` for what it wrote.`,
  });
}

function requireRelease(service: Service, wanted: string | null): Release {
  const id = wanted ?? service.stable;
  const release = id === null ? undefined : service.releases[id];
  if (release !== undefined) return release;
  throw new BelayError({
    code: "BELAY_RUN_NO_RELEASE",
    message:
      wanted === null
        ? `no release of ${service.name} serves yet, so there is none to run it with`
        : `${service.name} has no release ${wanted}`,
    next: `Run \`belay releases ${service.name}\` to see its releases, and name one with --release.`,
  });
}
