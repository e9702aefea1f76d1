import { createHash } from "node:crypto";
import type { InstanceId, Release } from "../../rollout/rollout.ts";
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

/** Words that had to be changed get a hash, so that two of them stay two. */
function safeWord(word: string): string {
  const safe = word
    .toLowerCase()
    .replaceAll(/[^a-z0-9-]+/g, "-")
    .replace(/^-+/, "")
    .slice(0, 48);
  if (safe === word && safe !== "") return safe;
  const hash = createHash("sha256").update(word).digest("hex").slice(0, 8);
  return safe === "" ? hash : `${safe}-${hash}`;
}

/** Pure: what the keeper is asked to run. `scratchFolder` is the instance's own, `bundleFolder` is everybody's and read-only. */
export function instanceSpec(options: {
  readonly release: Release;
  readonly id: InstanceId;
  readonly port: number;
  readonly bundleFolder: string;
  readonly scratchFolder: string;
  readonly nodeFolder: string;
  readonly variables: ReleaseVariables;
  /** Makes of variables what may be written down. */
  seal(variables: Readonly<Record<string, string>>): string;
}): KeptSpec {
  const { release, id, port, bundleFolder, seal } = options;
  const { env, secretEnv } = releaseEnvironment(options);
  return {
    name: id,
    argv: ["/bin/sh", "-c", shellLine(release.run.command)],
    cwd: bundleFolder,
    env: { ...env, PORT: String(port), HOST: instanceHost, BELAY_INSTANCE: id },
    ...(Object.keys(secretEnv).length === 0 ? {} : { sealedEnv: seal(secretEnv) }),
    sockets: [],
    keys: {},
    memoryBytesMax: release.run.memoryBytesMax,
    graceMs: release.run.drainTimeoutMs,
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
