import { BelayError } from "../errors.ts";
import { toCommandLine } from "./dockerfile.ts";
import { type DraftPart, toServiceName } from "./draft.ts";
import { getIn, keysIn, listIn, textIn, variableNames } from "./loose-value.ts";
import { listenOnHost } from "./procfile.ts";

/** What one service of a compose file says that a manifest can say. Throws `BELAY_INIT_SERVICE_UNKNOWN`. */
export function describeCompose(
  config: unknown,
  { file, wanted }: { readonly file: string; readonly wanted: string | undefined },
): DraftPart {
  const names = keysIn(config, "services");
  const chosen = choose(config, names, wanted);
  if (chosen === undefined) {
    throw new BelayError({
      code: "BELAY_INIT_SERVICE_UNKNOWN",
      message: wanted === undefined ? `no service of ${file} has a build and a port` : `${file} has no service ${wanted}`,
      next: `Name one with --service: ${names.join(", ") || "there is none"}.`,
    });
  }
  const service = getIn(config, "services", chosen);
  const command = commandOf(service);
  const health = healthOf(service);
  const hosts = hostsOf(service);
  const variables = variableNames(getIn(service, "environment"));
  return {
    service: toServiceName(chosen),
    ...(command === undefined ? {} : { ...listenOnHost(command), commandFrom: `${chosen}.command of ${file}` }),
    ...(health === undefined ? {} : { health }),
    ...(hosts.length === 0 ? {} : { hosts }),
    toCheck: [
      ...listIn(service, "ports")
        .slice(0, 1)
        .map((port) => `The container's port was ${describePort(port)}; here each instance gets a port of its own in PORT.`),
      ...(variables.length === 0
        ? []
        : [`The service expects these variables, which an instance does not get from here: ${variables.join(", ")}.`]),
    ],
    leftOut: leftOutOf(config, chosen, file),
  };
}

/** The one asked for; else the first that is built here and has a port; else the only one. */
function choose(config: unknown, names: readonly string[], wanted: string | undefined): string | undefined {
  if (wanted !== undefined) return names.find((name) => name === wanted);
  const has = (name: string, key: string) => getIn(config, "services", name, key) !== undefined;
  return (
    names.find((name) => has(name, "build") && has(name, "ports")) ??
    names.find((name) => has(name, "build")) ??
    (names.length === 1 ? names[0] : undefined)
  );
}

function commandOf(service: unknown): string | undefined {
  const command = getIn(service, "command");
  if (Array.isArray(command)) return toCommandLine(JSON.stringify(command));
  return textIn(service, "command");
}

function healthOf(service: unknown): string | undefined {
  const test = listIn(service, "healthcheck", "test").map(String).join(" ");
  return /https?:\/\/[^/\s"']+(\/[\w./-]*)/.exec(test)?.[1];
}

/** Hosts of Traefik's rules, which is where compose files say them. */
function hostsOf(service: unknown): readonly string[] {
  const labels = getIn(service, "labels");
  const texts = Array.isArray(labels) ? labels.map(String) : keysIn(labels).map((key) => `${key}=${textIn(labels, key) ?? ""}`);
  const hosts = texts
    .filter((text) => /\.rule=/.test(text))
    .flatMap((text) =>
      [...text.matchAll(/Host\(([^)]*)\)/g)].flatMap(([, list = ""]) => [...list.matchAll(/[`"']([a-z0-9.-]+)[`"']/gi)]),
    )
    .map(([, host = ""]) => host.toLowerCase());
  return [...new Set(hosts)];
}

function describePort(port: unknown): string {
  const target = textIn(port, "target");
  return target ?? String(port).split(":").at(-1) ?? String(port);
}

function leftOutOf(config: unknown, chosen: string, file: string): readonly string[] {
  const others = keysIn(config, "services").filter((name) => name !== chosen);
  const keys = [
    "volumes",
    "depends_on",
    "networks",
    "deploy",
    "restart",
    "secrets",
    "configs",
    "env_file",
    "entrypoint",
    "working_dir",
    "user",
  ].filter((key) => getIn(config, "services", chosen, key) !== undefined);
  return [
    ...(others.length === 0 ? [] : [`The other services of ${file}: ${others.join(", ")}.`]),
    ...(keys.length === 0 ? [] : [`Of the service ${chosen}: ${keys.join(", ")}.`]),
  ];
}
