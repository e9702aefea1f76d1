import type { DraftPart } from "./draft.ts";
import { listenOnHost } from "./procfile.ts";
import type { ProjectFiles } from "./project-files.ts";

/** What a Dockerfile's last stage says of how it starts; undefined when there is none. */
export function describeDockerfile(files: ProjectFiles): DraftPart | undefined {
  const text = files.read("Dockerfile");
  if (text === undefined) return undefined;
  const lines = text.replaceAll(/\\\n/g, " ").split("\n");
  const last = (word: string) =>
    lines
      .findLast((line) => new RegExp(`^\\s*${word}\\s`, "i").test(line))
      ?.replace(new RegExp(`^\\s*${word}\\s+`, "i"), "")
      .trim();
  const words = [last("ENTRYPOINT"), last("CMD")].flatMap((form) => (form === undefined ? [] : [toCommandLine(form)]));
  const health = /https?:\/\/[^/\s"']+(\/[\w./-]*)/.exec(last("HEALTHCHECK") ?? "")?.[1];
  const installs = lines.some((line) => /^\s*RUN\s.*\b(?:apt-get|apk|dnf|yum)\b/i.test(line));
  return {
    ...(words.length === 0 ? {} : { ...listenOnHost(words.join(" ")), commandFrom: "the Dockerfile" }),
    ...(health === undefined ? {} : { health }),
    toCheck: installs
      ? ["The Dockerfile installs packages of the system; instances run on this machine and need them here."]
      : [],
    leftOut: ["The Dockerfile: Belay builds with release.build and runs the service as a process of this machine."],
  };
}

/** `["node", "server.js"]` as a shell would take it; the shell form is one already. */
export function toCommandLine(form: string): string {
  try {
    const value: unknown = JSON.parse(form);
    if (Array.isArray(value)) return value.map((word) => quote(String(word))).join(" ");
  } catch {
    return form;
  }
  return form;
}

function quote(word: string): string {
  return /^[\w./:=@%+,$-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
