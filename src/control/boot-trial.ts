import { isDeepStrictEqual } from "node:util";
import type { Configs } from "../config/configs.ts";
import type { BootAnswer, BootTrial } from "../preflight/check.ts";
import { withConfig } from "../rollout/release-id.ts";
import type { Release, ReleaseTask, Rollout } from "../rollout/rollout.ts";
import type { Service } from "../rollout/service.ts";

/**
 * How the release that serves would be started to see whether one can come back to it. Null when nothing serves, and when neither
 * the configuration nor the tasks are others: then what runs is proof enough.
 */
export function bootTrialOf(options: {
  readonly service: Service | undefined;
  readonly rollout: Pick<Rollout, "config">;
  /** Tasks of the new release. */
  readonly tasks: readonly ReleaseTask[];
  readonly configs: Pick<Configs, "show">;
  readonly tryBoot: (release: Release, signal: AbortSignal) => Promise<BootAnswer>;
}): BootTrial | null {
  const { service, rollout, tasks, configs, tryBoot } = options;
  const stable = service?.stable == null ? undefined : service.releases[service.stable];
  if (stable === undefined) return null;
  const isConfigNew = stable.config !== rollout.config;
  if (!isConfigNew && isDeepStrictEqual(stable.tasks ?? [], tasks)) return null;
  const namesOf = (version: string | undefined) =>
    version === undefined ? [] : configs.show(stable, version).values.map(({ name }) => name);
  const kept = new Set(namesOf(rollout.config));
  return {
    isConfigNew,
    gone: isConfigNew ? namesOf(stable.config).filter((name) => !kept.has(name)) : [],
    run: (signal) => tryBoot(withConfig(stable, rollout.config), signal),
  };
}
