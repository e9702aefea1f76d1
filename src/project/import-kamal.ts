import { type DraftPart, toServiceName } from "./draft.ts";
import { getIn, keysIn, listIn, textIn, variableNames } from "./loose-value.ts";
import { listenOnHost } from "./procfile.ts";

const hostPattern = /^[a-z0-9*][a-z0-9.-]*$/;

/** What Kamal's config/deploy.yml says that a manifest can say, and the names of what it cannot. */
export function describeKamal(config: unknown, file: string): DraftPart {
  const service = textIn(config, "service");
  const hosts = [...listIn(config, "proxy", "host"), ...listIn(config, "proxy", "hosts")]
    .flatMap((host) => (typeof host === "string" ? host.split(",") : []))
    .map((host) => host.trim().toLowerCase())
    .filter((host) => hostPattern.test(host));
  const health = textIn(config, "proxy", "healthcheck", "path");
  const command = textIn(config, "servers", "web", "cmd");
  const port = textIn(config, "proxy", "app_port");
  return {
    ...(service === undefined ? {} : { service: toServiceName(service) }),
    ...(command === undefined ? {} : { ...listenOnHost(command), commandFrom: `servers.web.cmd of ${file}` }),
    // Kamal's own default.
    health: health ?? "/up",
    ...(hosts.length === 0 ? {} : { hosts: [...new Set(hosts)] }),
    assumed: health === undefined ? ["/up answers when the service can serve, which is Kamal's default."] : [],
    toCheck: [
      ...(port === undefined
        ? []
        : [`The container listened on port ${port}; here each instance gets a port of its own in PORT.`]),
      ...variableChecks(config),
    ],
    leftOut: leftOutOf(config, file),
  };
}

function variableChecks(config: unknown): readonly string[] {
  const names = [...variableNames(getIn(config, "env", "clear")), ...variableNames(getIn(config, "env", "secret"))];
  return names.length === 0
    ? []
    : [`The service expects these variables, which an instance does not get from here: ${names.join(", ")}.`];
}

function leftOutOf(config: unknown, file: string): readonly string[] {
  const roles = keysIn(config, "servers").filter((role) => role !== "web");
  const accessories = keysIn(config, "accessories");
  const others = [
    "image",
    "registry",
    "builder",
    "ssh",
    "volumes",
    "asset_path",
    "aliases",
    "boot",
    "logging",
    "hooks_path",
  ].filter((key) => getIn(config, key) !== undefined);
  const ssl = getIn(config, "proxy", "ssl");
  return [
    ...(roles.length === 0 ? [] : [`The roles ${roles.join(", ")} of ${file}: only web was taken over.`]),
    ...(accessories.length === 0 ? [] : [`The accessories ${accessories.join(", ")}: they go on running where they run.`]),
    ...(ssl === undefined || ssl === false ? [] : ["proxy.ssl: Belay listens for plain HTTP behind whatever ends your TLS."]),
    ...(others.length === 0 ? [] : [`${others.join(", ")} of ${file}.`]),
  ];
}
