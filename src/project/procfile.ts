import type { DraftPart } from "./draft.ts";
import type { ProjectFiles } from "./project-files.ts";

/** What a Procfile says of its `web` process; undefined when there is none. */
export function describeProcfile(files: ProjectFiles): DraftPart | undefined {
  const text = files.read("Procfile");
  if (text === undefined) return undefined;
  const processes = text.split("\n").flatMap((line) => {
    const [, name, command] = /^\s*([\w-]+)\s*:\s*(.*\S)\s*$/.exec(line) ?? [];
    return name === undefined || command === undefined ? [] : [{ name, command }];
  });
  const web = processes.find(({ name }) => name === "web");
  const leftOut = processes
    .filter(({ name }) => name !== "web")
    .map(({ name, command }) => `The process ${name} (\`${command}\`) of the Procfile.`);
  if (web === undefined) return { leftOut, toCheck: ["The Procfile has no process called web."] };
  return { ...listenOnHost(web.command), commandFrom: "web of the Procfile", leftOut };
}

/** A command line that would listen for every machine, made to listen where Belay looks. */
export function listenOnHost(command: string): DraftPart & { readonly command: string } {
  const changed = command.replaceAll(/\b0\.0\.0\.0\b/g, "$HOST").replaceAll("$" + "{PORT}", "$PORT");
  return changed === command || !command.includes("0.0.0.0")
    ? { command: changed }
    : { command: changed, assumed: ["0.0.0.0 became $HOST in the command: an instance is reached through the proxy alone."] };
}
