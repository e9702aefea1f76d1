import { BelayError } from "../errors.ts";
import { describeProblems, parseManifest } from "../manifest/parse-manifest.ts";
import type { Draft } from "./draft.ts";

/**
 * belay.yml for a draft, with comments. What it returns was parsed and says what the draft says: an invalid manifest is never
 * returned. Throws `BELAY_INIT_COMMAND_UNKNOWN` when nothing says how the service starts, `BELAY_INIT_NOT_A_MANIFEST` when
 * what was found cannot be written as a manifest.
 */
export function toManifestText(draft: Draft): string {
  const { service, build, command, commandFrom, health, hosts } = draft;
  if (command === null) {
    throw new BelayError({
      code: "BELAY_INIT_COMMAND_UNKNOWN",
      message:
        "nothing in this folder says how the service starts (package.json, pyproject.toml, requirements.txt, go.mod, Procfile, Dockerfile)",
      next: 'Say it: `belay init --command "<command line that starts it>"`; of services in folders below, go into one, or let `belay init --tour` say which to begin with.',
    });
  }
  const from = commandFrom === "" ? "" : ` From ${commandFrom}.`;
  const routes = hosts.map((host) => `{ host: ${scalar(host)} }`).join(", ");
  const text = [
    "# How Belay runs this service. All keys: `belay schema`. After a change: `belay check`.",
    "version: 1",
    `service: ${scalar(service)}`,
    ...(build === null
      ? []
      : ["# Runs in a clean copy of the commit; what lies there afterwards is shipped.", `release: { build: ${scalar(build)} }`]),
    `# Starts one instance.${from} It must listen on $HOST (127.0.0.1) and $PORT; health answers 2xx when it can serve.`,
    `run: { command: ${scalar(command)}, health: ${scalar(health)} }`,
    hosts.length === 1 && hosts[0] === "*"
      ? `# "*" is every host name, for one service alone. ${service}.localhost works on this machine, ${service}.example.com with your DNS.`
      : hosts.every((host) => host.endsWith(".localhost"))
        ? `# Names in .localhost work on this machine alone; ${service}.example.com, say, works with your DNS.`
        : "# The host names of your visitors.",
    "# A route with `effects: writes` lets copies of its GETs try a release before visitors do. Write it only if they change,",
    "# send and cost nothing; `belay check` says what to look for.",
    "environments:",
    `  production: { routes: [${routes}] }`,
    "",
  ].join("\n");
  return demandMeaning(text, draft);
}

function demandMeaning(text: string, { service, build, command, health }: Draft): string {
  const parsed = parseManifest(text, "belay.yml");
  if (!parsed.ok) {
    throw new BelayError({
      code: "BELAY_INIT_NOT_A_MANIFEST",
      message: `what was found makes no valid manifest:\n${describeProblems(parsed.problems)}`,
      next: "Name it otherwise with --service, --command, --health or --host.",
    });
  }
  const { manifest } = parsed;
  const isMeant =
    manifest.service === service &&
    manifest.release.build === build &&
    manifest.run.command === command &&
    manifest.run.health === health;
  if (!isMeant) throw new Error(`the manifest reads otherwise than it was written: ${text}`);
  return text;
}

/** Plain where YAML reads it back as the same text in a flow map, else in quotes. */
function scalar(text: string): string {
  const isPlain =
    /^[A-Za-z./$][\w./$=@+&-]*(?: [\w./$=@+&-][\w./$=:@+&-]*)*$/.test(text) &&
    !/^(?:true|false|null|yes|no|on|off|y|n)$/i.test(text);
  return isPlain && !text.endsWith(":") && !/ [-&]$/.test(text) ? text : JSON.stringify(text);
}
