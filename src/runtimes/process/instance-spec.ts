import type { InstanceId, Release } from "../../rollout/rollout.ts";
import { isShadow } from "../../rollout/shadow.ts";
import { safeWord } from "../safe-word.ts";
import type { KeptSpec } from "./process-keeper.ts";
import { type ReleaseVariables, releaseEnvironment } from "./release-environment.ts";

export const instanceHost = "127.0.0.1";

/** `<service>.<environment>.<release>.<slot>`: also the name of a process, a folder and a log file, so nothing else may be in it. */
export function instanceId(release: Pick<Release, "service" | "environment" | "id">, slot: number): InstanceId {
  return [release.service, release.environment, release.id, String(slot)].map(safeWord).join(".");
}

/** The slot that an id ends with; -1 when it is none of ours. */
export function slotOf(id: InstanceId): number {
  return Number(/\.(\d+)$/.exec(id)?.[1] ?? -1);
}

/** True for what `instanceId` can have made: anything else must not become part of a path. */
export function isInstanceId(id: string): boolean {
  return /^(?:[a-z0-9][a-z0-9-]*\.){3}\d+$/.test(id);
}

/** Where a process of a release finds its things: `scratchFolder` is its own, `bundleFolder` is everybody's and read-only. */
export interface ProcessPlace {
  readonly release: Release;
  readonly id: string;
  readonly bundleFolder: string;
  readonly scratchFolder: string;
  readonly nodeFolder: string;
  readonly variables: ReleaseVariables;
  /** Makes of variables what may be written down. */
  seal(variables: Readonly<Record<string, string>>): string;
}

/** Pure: what the keeper is asked to run for an instance. */
export function instanceSpec(options: ProcessPlace & { readonly port: number }): KeptSpec {
  const { release, id, port } = options;
  return releaseProcess(options, release.run.command, { PORT: String(port), HOST: instanceHost, BELAY_INSTANCE: id });
}

/**
 * Any process of a release, be it an instance, a worker or a command that runs once: what all of them get is written here and
 * nowhere else. `own` is what only this kind gets.
 */
export function releaseProcess(
  place: ProcessPlace,
  command: string | readonly string[],
  own: Readonly<Record<string, string>>,
): KeptSpec {
  const { release, id, bundleFolder } = place;
  const { env, secretEnv } = releaseEnvironment(place);
  return {
    name: id,
    argv: typeof command === "string" ? ["/bin/sh", "-c", shellLine(command)] : command,
    cwd: bundleFolder,
    env: { ...env, ...own },
    ...(Object.keys(secretEnv).length === 0 ? {} : { sealedEnv: place.seal(secretEnv) }),
    sockets: [],
    keys: {},
    memoryBytesMax: release.run.memoryBytesMax,
    graceMs: release.run.drainTimeoutMs,
    // Nobody waits for a shadow, whatever it does.
    ...(isShadow(release.id) ? { isBackground: true as const } : {}),
  };
}

/** Words after which a shell does something itself, so that there is no program to put in its place. */
const shellWords = new Set(
  ". : alias break case cd command continue eval exec exit export for if read readonly return set shift time times trap ulimit umask unset until while".split(
    " ",
  ),
);

/**
 * `exec` puts the program in the shell's place, so that signals reach it. Only for one plain command: `exec a && b` would run `a`
 * alone, and `exec X=1 a` would look for a program called `X=1`. What stays below a shell gets its signals from the keeper.
 */
export function shellLine(command: string): string {
  const first = /^\s*(\S+)/.exec(command)?.[1] ?? "";
  const isPlain = !/[;&|<(){}\n`#]/.test(command) && /^[\w./@%+:-]+$/.test(first) && !shellWords.has(first);
  return isPlain ? `exec ${command.trim()}` : command;
}
