import { describeDockerfile } from "./dockerfile.ts";
import { type Draft, type DraftPart, mergeDraft, toServiceName } from "./draft.ts";
import { describeGoProject } from "./go-project.ts";
import { findListening, type Listening } from "./listening.ts";
import { describeLoneNodeFile, describeNodeProject } from "./node-project.ts";
import { describeProcfile } from "./procfile.ts";
import type { ProjectFiles } from "./project-files.ts";
import { describePythonProject } from "./python-project.ts";

/** What the files of a folder say about the service in it, and on top of that what `parts` say. Asks nobody and changes nothing. */
export function describeProject(files: ProjectFiles, parts: readonly DraftPart[] = []): Draft {
  const empty: Draft = {
    service: toServiceName(files.name),
    build: null,
    command: null,
    commandFrom: "",
    health: "/",
    hosts: ["*"],
    assumed: [],
    toCheck: [],
    leftOut: [],
  };
  const listening = findListening(files);
  const kinds = [describeGoProject, describeNodeProject, describePythonProject];
  const kind = kinds.map((describe) => describe(files)).find((part) => part !== undefined) ?? {};
  // A Procfile says how the service is really started.
  const known = [healthPart(listening), kind, describeProcfile(files) ?? {}, ...parts].reduce<Draft>(mergeDraft, empty);
  // A Dockerfile means a container, so it is asked only where nothing else knows; a file's name alone says even less.
  const lastResorts = [describeDockerfile, describeLoneNodeFile];
  const draft = lastResorts.reduce(
    (before, describe) => (before.command === null ? mergeDraft(before, describe(files) ?? {}) : before),
    known,
  );
  return mergeDraft(draft, {
    toCheck: [...healthChecks(draft), ...listeningChecks(draft, listening), ...ignoredChecks(draft, files)],
  });
}

function healthPart({ health }: Listening): DraftPart {
  if (health === null) return {};
  return { health: health.path, assumed: [`${health.path} answers 2xx when an instance can serve; ${health.file} names it.`] };
}

function healthChecks({ health }: Draft): readonly string[] {
  return health === "/" ? ["run.health is /: a path that answers 2xx only when the service can really serve is better."] : [];
}

/** The one thing that a service must do for Belay, and that a search can only guess at. */
function listeningChecks({ command }: Draft, { namesPort, namesHost, anyAddress }: Listening): readonly string[] {
  if (command === null) return [];
  const isGiven = { port: /\$\{?PORT\b/.test(command), host: /\$\{?HOST\b/.test(command) };
  const toCheck: string[] = [];
  if (!isGiven.port && !namesPort) toCheck.push("Nothing names PORT: the service must listen on the port in the variable PORT.");
  if (!isGiven.host && anyAddress !== null) {
    toCheck.push(
      `${anyAddress.file} names ${anyAddress.text}: listen on the address in the variable HOST (127.0.0.1), or the release is refused in production.`,
    );
  } else if (!isGiven.host && !namesHost) {
    toCheck.push(
      "Nothing names HOST: the service must listen on the address in the variable HOST (127.0.0.1), not on every address.",
    );
  }
  return toCheck;
}

function ignoredChecks({ command, build }: Draft, files: ProjectFiles): readonly string[] {
  const ignored = (command ?? "").split(/\s+/).filter((word) => /[./]/.test(word) && files.isIgnored(word.replace(/^\.\//, "")));
  const checks = ignored
    .filter((word) => build === null || !word.startsWith(".venv/"))
    .map((word) => `${word} is ignored by git, so it is in no commit: release.build must make it.`);
  if (files.isIgnored(".env"))
    checks.push(".env is ignored by git and is not shipped: its variables must reach the service another way.");
  return checks;
}
