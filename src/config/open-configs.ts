import { BelayError } from "../errors.ts";
import type { Clock } from "../ports/clock.ts";
import type { Configs, ConfigVersionView, Given, Place, ResolvedValue } from "./configs.ts";
import { toGivenConfig } from "./given-values.ts";
import { resolveValues } from "./resolve.ts";
import type { SealedFiles } from "./sealed-files.ts";
import { fingerprintIn, SecretStore } from "./secret-store.ts";

export interface ConfigsOptions {
  readonly files: SealedFiles;
  readonly clock: Pick<Clock, "now">;
  /** What a command of the manifest wrote, without the last line's end. Rejects with a reason that tells nothing of it. */
  runCommand(command: string): Promise<string>;
}

interface KeptVersion {
  readonly resolved: Given;
  readonly values: readonly ResolvedValue[];
}

export function openConfigs({ files, clock, runCommand }: ConfigsOptions): Configs {
  const secrets = new SecretStore(files, clock);
  const read = (place: Place, version: string) => requireVersion(files, place, version);
  return {
    resolve: async (request) => {
      const { place, kept, by } = request;
      const at = clock.now().toString();
      const before = kept === null ? [] : read(place, kept).values;
      const elsewhere = newestElsewhere(files, place);
      const values = await resolveValues({ ...request, before, at, secrets, elsewhere, runCommand });
      if (values.length === 0) return null;
      const said = values.map(({ name, value, isSecret }) => [name, value, isSecret]);
      const version = files.sealing().fingerprint(JSON.stringify([place.environment, place.service, said]));
      const document: KeptVersion = { resolved: { by, at }, values };
      if (files.read(nameOf(place, version)) === undefined) files.write(nameOf(place, version), document);
      return version;
    },
    variables: (place, version) => {
      const { values } = read(place, version);
      const those = (isWanted: (value: ResolvedValue) => boolean) =>
        Object.fromEntries(values.filter(isWanted).map(({ name, value }) => [name, value]));
      return { plain: those(({ isSecret }) => !isSecret), secret: those(({ isSecret }) => isSecret) };
    },
    show: (place, version) => view(version, read(place, version), (value) => fingerprintIn(place, value, files.sealing())),
    given: (place, version, { contract, mayCompare }) =>
      toGivenConfig(version === null ? [] : read(place, version).values, contract, {
        place,
        mayCompare,
        secrets,
        elsewhere: newestElsewhere(files, place),
      }),
    nextVersions: (place, values) => secrets.nextVersions(place, values),
    setSecrets: (place, values, by) => secrets.set(place, values, by),
    listSecrets: (place) => secrets.list(place),
    unsetSecret: (place, name, by) => secrets.unset(place, name, by),
    secretValues: (place, names) => Object.fromEntries(names.map((name) => [name, secrets.require(place, name).value])),
    seal: (text, purpose) => files.sealing().seal(text, purpose),
  };
}

function view(version: string, { resolved, values }: KeptVersion, fingerprint: (value: string) => string): ConfigVersionView {
  return {
    version,
    resolved,
    values: values.map(({ name, isSecret, value, source, by, at }) => ({
      name,
      isSecret,
      value: isSecret ? null : value,
      fingerprint: fingerprint(value),
      source,
      by,
      at,
    })),
  };
}

function nameOf({ environment, service }: Place, version: string): string {
  return `version.${environment}.${service}.${version}`;
}

/** What the service's other environments were given last, by environment. */
function newestElsewhere(
  files: SealedFiles,
  { environment, service }: Place,
): Readonly<Record<string, readonly ResolvedValue[]>> {
  const newest = new Map<string, KeptVersion>();
  for (const name of files.names("version.")) {
    const [, other = "", of] = name.split(".");
    const version = of === service && other !== environment ? (files.read(name) as KeptVersion) : undefined;
    if (version !== undefined && version.resolved.at >= (newest.get(other)?.resolved.at ?? "")) newest.set(other, version);
  }
  return Object.fromEntries([...newest].map(([other, { values }]) => [other, values]));
}

function requireVersion(files: SealedFiles, place: Place, version: string): KeptVersion {
  const found = files.read(nameOf(place, version));
  if (found !== undefined) return found as KeptVersion;
  throw new BelayError({
    code: "BELAY_CONFIG_VERSION_UNKNOWN",
    message: `the config version ${version} of ${place.service} in ${place.environment} is not in the data folder`,
    next: "Put the folder `config` of the data folder back from a copy, or deploy again, which resolves the configuration anew.",
  });
}
