import type { Manifest } from "../manifest/manifest.ts";
import type { Address, BootAnswer, ServingNext } from "../preflight/check.ts";
import { withConfig } from "../rollout/release-id.ts";
import type { Release } from "../rollout/rollout.ts";
import type { Service } from "../rollout/service.ts";

/**
 * What serves in the environment after the one in which `release` runs, as it can be asked there: the instance that runs the same
 * files, or else one that is started for it. It gets a configuration of this environment and never one of the other: its own from
 * when it came through here, as it would have again after a way back, or else that of `release`. Null when nothing serves there yet.
 */
export function servingNextOf(options: {
  readonly release: Release;
  readonly manifest: Pick<Manifest, "environments">;
  readonly find: (environment: string) => Service | undefined;
  readonly tryBoot: (release: Release, signal: AbortSignal, whileUp: (address: Address) => Promise<void>) => Promise<BootAnswer>;
}): ServingNext | null {
  const { release, manifest, find, tryBoot } = options;
  const after = Object.entries(manifest.environments).filter(([, { after: before }]) => before === release.environment);
  const serving = after.map(([environment]) => stableOf(find(environment))).find((stable) => stable !== undefined);
  if (serving === undefined) return null;
  const { id, commit, digest, environment } = serving;
  const isSame = (other: Release) => other.commit === commit && other.digest === digest;
  const here = find(release.environment);
  const stableHere = stableOf(here);
  const instance =
    stableHere === undefined || !isSame(stableHere)
      ? undefined
      : Object.values(here?.instances ?? {}).find((each) => each.release === stableHere.id && each.isReady);
  const known = Object.values(here?.releases ?? {}).findLast(isSame);
  const borrowed = withConfig({ ...serving, environment: release.environment, routes: release.routes }, release.config);
  return {
    id,
    commit,
    digest,
    environment,
    async whileUp(signal, use) {
      if (instance === undefined) return tryBoot(known ?? borrowed, signal, use);
      await use(instance);
      return { kind: "answered", afterMs: 0 };
    },
  };
}

function stableOf(service: Service | undefined): Release | undefined {
  return service?.stable == null ? undefined : service.releases[service.stable];
}
