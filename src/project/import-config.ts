import { parseDocument } from "yaml";
import { BelayError } from "../errors.ts";
import type { DraftPart } from "./draft.ts";
import { describeCompose } from "./import-compose.ts";
import { describeKamal } from "./import-kamal.ts";
import { describeProcfile } from "./procfile.ts";
import type { ProjectFiles } from "./project-files.ts";

export const importKinds = ["kamal", "compose", "procfile"] as const;
export type ImportKind = (typeof importKinds)[number];

const filesOf: Readonly<Record<ImportKind, readonly string[]>> = {
  kamal: ["config/deploy.yml", "config/deploy.yaml", "deploy.yml"],
  compose: ["compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml"],
  procfile: ["Procfile"],
};

/** Throws `BELAY_INIT_IMPORT_MISSING`, `BELAY_INIT_IMPORT_UNREADABLE`, or `BELAY_INIT_SERVICE_UNKNOWN`. */
export function importConfig(kind: ImportKind, files: ProjectFiles, service: string | undefined): DraftPart {
  const file = filesOf[kind].find((path) => files.paths.includes(path));
  if (file === undefined) {
    throw new BelayError({
      code: "BELAY_INIT_IMPORT_MISSING",
      message: `there is no ${filesOf[kind].join(" or ")} in this folder`,
      next: "Change to the folder that has it, or run `belay init` without --from.",
    });
  }
  if (kind === "procfile") return describeProcfile(files) ?? {};
  const value = readYaml(files.read(file) ?? "", file);
  return kind === "kamal" ? describeKamal(value, file) : describeCompose(value, { file, wanted: service });
}

function readYaml(text: string, file: string): unknown {
  // Kamal's file may hold ERB, which is left as text: it stands in values only.
  const document = parseDocument(text, { prettyErrors: false, logLevel: "error", merge: true });
  const [error] = document.errors;
  if (error === undefined) return document.toJS({ maxAliasCount: 100 });
  throw new BelayError({
    code: "BELAY_INIT_IMPORT_UNREADABLE",
    message: `${file} is not valid YAML: ${error.message.split("\n")[0] ?? ""}`,
    next: "Correct it, or run `belay init` without --from.",
  });
}
