import type { Configs } from "../config/configs.ts";
import { BelayError } from "../errors.ts";
import type { RolloutFact } from "../rollout/entry.ts";
import type { Actor, Release } from "../rollout/rollout.ts";
import type { Service } from "../rollout/service.ts";
import type { ControlLoop } from "./control-loop.ts";
import type { ConfigView, ControlPlane } from "./control-plane.ts";
import type { ConfigReleaseRequest, DeployRequest, ServiceRequest } from "./requests.ts";
import { unknownRelease } from "./required.ts";

/** The verbs about secrets. Each is recorded before it is done: what the ledger does not know of has not happened. */
export function secretCommands({
  loop,
  configs,
}: {
  readonly loop: Pick<ControlLoop, "submit">;
  readonly configs: Configs;
}): Pick<ControlPlane, "setSecrets" | "unsetSecret" | "listSecrets"> {
  const record = (request: ServiceRequest, actor: Actor, changes: readonly SecretChange[]) => {
    const { environment, service } = request;
    loop.submit(
      changes.map((change) => ({ environment, service, rollout: "", actor, fact: { kind: "secret-changed", ...change } })),
    );
  };
  return {
    setSecrets: async (request, actor) => {
      const { values } = request;
      const versions = Object.entries(configs.nextVersions(placeOf(request), values));
      record(
        request,
        actor,
        versions.map(([name, version]) => ({ name, version, change: "set" })),
      );
      return configs.setSecrets(placeOf(request), values, actor.name);
    },
    unsetSecret: async (request, actor) => {
      const { name } = request;
      const place = placeOf(request);
      // Refused when there is none, before anything is said about it.
      configs.secretValues(place, [name]);
      const version = configs.listSecrets(place).find((secret) => secret.name === name)?.version ?? 0;
      record(request, actor, [{ name, version: version + 1, change: "unset" }]);
      return configs.unsetSecret(place, name, actor.name);
    },
    listSecrets: async (request) => configs.listSecrets(placeOf(request)),
  };
}

interface SecretChange {
  readonly name: string;
  readonly version: number;
  readonly change: "set" | "unset";
}

function placeOf({ environment, service }: ServiceRequest): ServiceRequest {
  return { environment, service };
}

/** The configuration of a release, by default of stable. */
export function showConfig(service: Service, wanted: string | null, configs: Pick<Configs, "show">): ConfigView {
  const release = wanted === null ? requireStable(service) : service.releases[wanted];
  if (release === undefined) throw unknownRelease(service, String(wanted));
  if (release.config !== undefined) {
    const place = { environment: service.environment, service: service.name };
    return { release: release.id, ...configs.show(place, release.config) };
  }
  throw new BelayError({
    code: "BELAY_CONFIG_NONE",
    message: `release ${release.id} of ${service.name} has no configuration`,
    next: "Declare its variables under config in belay.yml, and deploy.",
  });
}

export function requireStable({ name, stable, releases }: Service): Release {
  const release = stable === null ? undefined : releases[stable];
  if (release !== undefined) return release;
  throw new BelayError({
    code: "BELAY_CONFIG_NO_RELEASE",
    message: `no release of ${name} serves everyone yet, so there is none whose configuration could change`,
    next: "Run `belay deploy` first: it takes the present configuration.",
  });
}

/** The same revision once more: what was built, by whomever, stays as it is. */
export function toDeployRequest(
  { commit, isDirty, root = "", built }: Release,
  { environment, supersede, config, override, fix, breakGlass, brief, requestKey }: ConfigReleaseRequest,
): DeployRequest {
  const exceptions = {
    ...(override === undefined ? {} : { override }),
    ...(breakGlass === undefined ? {} : { breakGlass }),
    ...(brief === undefined ? {} : { brief }),
    ...(fix === undefined ? {} : { fix }),
  };
  const bundle = built?.kind === "built-by" ? { bundle: built.bundle } : {};
  const key = requestKey === undefined ? {} : { requestKey };
  return { commit, isDirty, root, environment, supersede, config, ...bundle, ...exceptions, ...key };
}

/** To resolve a configuration takes time, in which another release may have come to serve. Throws `BELAY_CONFIG_RELEASE_CHANGED`. */
export function requireStillStable(revision: Release, service: Service | undefined): void {
  if (service?.stable === revision.id) return;
  throw new BelayError({
    code: "BELAY_CONFIG_RELEASE_CHANGED",
    message: `${revision.id} serves ${revision.service} no more: another release came while its configuration was resolved`,
    next: "Run `belay deploy --config` again.",
  });
}

/** Throws `BELAY_CONFIG_UNCHANGED`. */
export function requireChange(revision: Release, fact: RolloutFact): void {
  const isSame = fact.kind === "rollout-requested" && fact.rolloutKind === "deploy" && fact.config === revision.config;
  if (!isSame) return;
  throw new BelayError({
    code: "BELAY_CONFIG_UNCHANGED",
    message: `the configuration of ${revision.service} is what ${revision.id} has already`,
    next: "Set a secret or export a variable first; a change in belay.yml goes out with its commit, by `belay deploy`.",
  });
}
