import { type DraftPart, toServiceName } from "./draft.ts";
import type { ProjectFiles } from "./project-files.ts";

/** Undefined for a folder without go.mod. */
export function describeGoProject(files: ProjectFiles): DraftPart | undefined {
  const text = files.read("go.mod");
  if (text === undefined) return undefined;
  const module = /^module\s+(\S+)/m.exec(text)?.[1];
  const main = mainPackage(files);
  // A folder of that name would swallow the program.
  const output = files.paths.some((path) => path.startsWith("app/")) ? "service.bin" : "app";
  return {
    ...(module === undefined
      ? {}
      : {
          service: toServiceName(
            module
              .replace(/\/v\d+$/, "")
              .split("/")
              .at(-1) ?? module,
          ),
        }),
    // Builds see the system's folders alone, and Go's own installer puts it beside them.
    build: `PATH=$PATH:/usr/local/go/bin go build -o ${output} ${main ?? "."}`,
    command: `./${output}`,
    commandFrom: "go.mod",
    assumed: [
      "go lies in the system's folders or in /usr/local/go/bin.",
      "The whole folder is shipped; `release.include` can name the program alone.",
    ],
    toCheck: main === undefined ? ["No package main was found at the top or in cmd/: name it at the end of release.build."] : [],
  };
}

function mainPackage(files: ProjectFiles): string | undefined {
  const isMain = (path: string) =>
    /\.go$/.test(path) && !path.endsWith("_test.go") && /^package main$/m.test(files.read(path) ?? "");
  if (files.paths.some((path) => !path.includes("/") && isMain(path))) return ".";
  const found = files.paths.find((path) => /^cmd\/[^/]+\/[^/]+\.go$/.test(path) && isMain(path));
  return found === undefined ? undefined : `./${found.split("/").slice(0, 2).join("/")}`;
}
