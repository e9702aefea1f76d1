import { join } from "node:path";
import type { Release } from "../../rollout/rollout.ts";
import { isShadow } from "../../rollout/shadow.ts";

/** Variables of a release's config version. */
export interface ReleaseVariables {
  readonly plain: Readonly<Record<string, string>>;
  readonly secret: Readonly<Record<string, string>>;
}

export const noVariables: ReleaseVariables = { plain: {}, secret: {} };

/** What a shadow gets in place of its release's own variables. */
export function shadowVariables({ plain, secret }: ReleaseVariables, { id, shadow }: Release): ReleaseVariables {
  const given = isShadow(id) ? Object.entries(shadow?.config ?? {}) : [];
  const names = new Set(given.map(([name]) => name));
  const kept = (all: Readonly<Record<string, string>>) => Object.entries(all).filter(([name]) => !names.has(name));
  const changed = given.flatMap(([name, value]): [string, string][] => (value === null ? [] : [[name, value]]));
  return { plain: Object.fromEntries([...kept(plain), ...changed]), secret: Object.fromEntries(kept(secret)) };
}

/**
 * The one place that says what a command of a release finds in its environment: what it declares, who it is, folders of its own, and
 * nothing else. Secrets are apart, because they may stand in no specification that is written down: see `KeptSpec.sealedEnv`.
 */
export function releaseEnvironment(options: {
  readonly release: Pick<Release, "service" | "environment" | "id">;
  readonly bundleFolder: string;
  readonly scratchFolder: string;
  readonly nodeFolder: string;
  readonly variables: ReleaseVariables;
}): { readonly env: Readonly<Record<string, string>>; readonly secretEnv: Readonly<Record<string, string>> } {
  const { release, bundleFolder, scratchFolder, nodeFolder, variables } = options;
  const system = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];
  return {
    env: {
      LANG: "C.UTF-8",
      ...variables.plain,
      BELAY_SERVICE: release.service,
      BELAY_ENVIRONMENT: release.environment,
      BELAY_RELEASE: release.id,
      ...(isShadow(release.id) ? { BELAY_SHADOW: "1" } : {}),
      HOME: scratchFolder,
      TMPDIR: join(scratchFolder, "tmp"),
      PATH: [join(bundleFolder, "node_modules/.bin"), nodeFolder, ...system].join(":"),
    },
    secretEnv: variables.secret,
  };
}
