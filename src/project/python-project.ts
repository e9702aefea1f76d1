import type { DraftPart } from "./draft.ts";
import type { ProjectFiles } from "./project-files.ts";

/** With copies instead of links, and called by its own python: so it also works in the folder to which the bundle is moved. */
const virtualEnvironment = "python3 -m venv --copies .venv";
const python = ".venv/bin/python";

/** Undefined for a folder without a Python project or a Python file at its top. */
export function describePythonProject(files: ProjectFiles): DraftPart | undefined {
  const top = files.paths.filter((path) => /^[^/]+\.py$/.test(path) && !/^(?:test_|setup\.py$|conftest\.py$)/.test(path));
  const requirements = files.read("requirements.txt");
  const pyproject = files.read("pyproject.toml");
  if (requirements === undefined && pyproject === undefined && top.length === 0) return undefined;
  const install = installOf(requirements, pyproject);
  const server = findServer({ files, top, packages: install.packages, isInstalled: install.build !== null });
  return {
    ...server,
    build: install.build,
    assumed: [...(install.assumed ?? []), ...(server.assumed ?? [])],
    toCheck: [...install.toCheck, ...(server.toCheck ?? [])],
  };
}

interface Install {
  readonly build: string | null;
  /** Lower case, without versions. */
  readonly packages: ReadonlySet<string>;
  readonly assumed: readonly string[];
  readonly toCheck: readonly string[];
}

function installOf(requirements: string | undefined, pyproject: string | undefined): Install {
  const needsVenv = "The build needs python3 with venv in the system's folders (on Debian: apt install python3-venv).";
  if (requirements !== undefined) {
    const packages = namesOf(requirements.split("\n"));
    if (packages.size === 0) return { build: null, packages, assumed: [], toCheck: [] };
    const isPinned = requirements.split("\n").every((line) => !/^\s*[a-z]/i.test(line) || /==|@/.test(line));
    return {
      build: `${virtualEnvironment} && ${python} -m pip install -r requirements.txt`,
      packages,
      assumed: ["requirements.txt is installed into a virtual environment inside the bundle.", needsVenv],
      toCheck: isPinned ? [] : ["requirements.txt does not pin every version: two builds of one commit may differ."],
    };
  }
  const listed = /^dependencies\s*=\s*\[([\s\S]*?)\]/m.exec(pyproject ?? "")?.[1] ?? "";
  const packages = namesOf([...listed.matchAll(/["']([^"']+)["']/g)].map(([, name = ""]) => name));
  if (packages.size === 0) return { build: null, packages, assumed: [], toCheck: [] };
  return {
    build: `${virtualEnvironment} && ${python} -m pip install .`,
    packages,
    assumed: ["The dependencies of pyproject.toml are installed into a virtual environment inside the bundle.", needsVenv],
    toCheck: ["A lock file of uv, poetry or pdm is not used: export it to requirements.txt if builds should be repeatable."],
  };
}

function namesOf(lines: readonly string[]): ReadonlySet<string> {
  return new Set(
    lines.flatMap((line) => {
      const name = /^\s*([A-Za-z0-9][\w.-]*)/.exec(line)?.[1];
      return name === undefined ? [] : [name.toLowerCase().replaceAll("_", "-")];
    }),
  );
}

function findServer(options: {
  readonly files: ProjectFiles;
  readonly top: readonly string[];
  readonly packages: ReadonlySet<string>;
  readonly isInstalled: boolean;
}): DraftPart {
  const { files, packages, isInstalled } = options;
  const run = isInstalled ? python : "python3";
  const has = (name: string) => packages.has(name) || packages.has(`${name}[standard]`);
  if (files.paths.includes("manage.py")) return djangoServer(files, has, run);
  const asgi = findApplication(files, /^(\w+)\s*(?::[^=\n]*)?=\s*(?:FastAPI|Starlette|Litestar|Quart)\(/m);
  if (asgi !== undefined) {
    const toCheck =
      has("uvicorn") || has("fastapi") ? [] : ["uvicorn is not among the dependencies: add it, or name the server that you use."];
    return { command: `${run} -m uvicorn ${asgi.name} --host $HOST --port $PORT`, commandFrom: asgi.file, toCheck };
  }
  const wsgi = findApplication(files, /^(\w+)\s*(?::[^=\n]*)?=\s*(?:Flask|Bottle|bottle\.Bottle|falcon\.App)\(/m);
  if (wsgi !== undefined) return wsgiServer(wsgi, has, run);
  return plainServer(options, run);
}

function wsgiServer(application: Application, has: (name: string) => boolean, run: string): DraftPart {
  const commandFrom = application.file;
  if (has("gunicorn")) return { command: `${run} -m gunicorn ${application.name} --bind $HOST:$PORT`, commandFrom };
  if (has("waitress")) return { command: `${run} -m waitress --host=$HOST --port=$PORT ${application.name}`, commandFrom };
  return {
    command: `${run} -m flask --app ${application.name} run --host $HOST --port $PORT`,
    commandFrom,
    toCheck: [
      `flask run is a server for development: add gunicorn to the requirements and write \`${run} -m gunicorn ${application.name} --bind $HOST:$PORT\`.`,
    ],
  };
}

function djangoServer(files: ProjectFiles, has: (name: string) => boolean, run: string): DraftPart {
  const settings = files.paths.find((path) => /^[^/]+\/wsgi\.py$/.test(path))?.split("/")[0];
  const toCheck = ["ALLOWED_HOSTS must name the hosts of your visitors, and 127.0.0.1 for the health check."];
  if (settings !== undefined && has("gunicorn")) {
    return { command: `${run} -m gunicorn ${settings}.wsgi --bind $HOST:$PORT`, commandFrom: `${settings}/wsgi.py`, toCheck };
  }
  return {
    command: `${run} manage.py runserver $HOST:$PORT --noreload`,
    commandFrom: "manage.py",
    toCheck: [...toCheck, "runserver is a server for development: add gunicorn to the requirements and name it in run.command."],
  };
}

interface Application {
  /** `module:variable`. */
  readonly name: string;
  readonly file: string;
}

function findApplication(files: ProjectFiles, pattern: RegExp): Application | undefined {
  for (const file of files.paths) {
    if (!/^(?:src\/|app\/)?[^/]+\.py$/.test(file)) continue;
    const variable = pattern.exec(files.read(file) ?? "")?.[1];
    if (variable === undefined) continue;
    const module = file
      .replace(/\.py$/, "")
      .replace(/\/__init__$/, "")
      .replaceAll("/", ".");
    return { name: `${module}:${variable}`, file };
  }
  return undefined;
}

/** A program that listens by itself: the one that says so, else one of a usual name. */
function plainServer({ files, top }: { readonly files: ProjectFiles; readonly top: readonly string[] }, run: string): DraftPart {
  const listens = /http\.server|socketserver|HTTPServer|web\.run_app|serve_forever|tornado|asyncio\.start_server/;
  const entry =
    top.find((path) => listens.test(files.read(path) ?? "")) ??
    ["server.py", "app.py", "main.py", "run.py"].find((path) => top.includes(path));
  if (entry === undefined) return {};
  return {
    // -u, because what Python writes to a file would otherwise wait in its buffer, and `belay logs` would show nothing.
    command: `${run} -u ${entry}`,
    commandFrom: `the file ${entry}`,
    assumed: run === "python3" ? ["python3 is the system's own; it is found in /usr/local/bin or /usr/bin only."] : [],
  };
}
