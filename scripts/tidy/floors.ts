import type { Problem, SourceFile, Tree } from "./tree.ts";
import { isTest, lineAt } from "./tree.ts";

/** The rooms of `src/`, the lowest floor first. Rooms on one floor do not know each other. */
const floors: readonly (readonly string[])[] = [
  ["errors.ts"],
  ["ports"],
  ["rollout"],
  ["routing", "manifest"],
  ["analysis"],
  ["release", "config", "ledger", "runtimes", "keeper", "proxy", "preflight", "integrations", "project", "rehearsal"],
  ["control"],
  ["api", "sim"],
  ["app"],
  ["cli"],
  ["main.ts"],
];

/** What the floors alone would allow: the command line talks HTTP, and the simulator is no part of the product. */
const forbidden: Readonly<Record<string, readonly string[]>> = {
  cli: ["control", "sim"],
  app: ["sim"],
  "main.ts": ["sim"],
};

/** Imports go down only, and another room is entered by the files directly in its folder. */
export function checkFloors(tree: Tree): Problem[] {
  return [...tree.sources.filter((file) => file.path.startsWith("src/")).flatMap(checkFile), ...emptyFloors(tree)];
}

/** What is written down here is there. */
function emptyFloors(tree: Tree): Problem[] {
  const own = tree.sources.find(({ path }) => path === "scripts/tidy/floors.ts");
  if (own === undefined) return [];
  const gone = floors.flat().filter((room) => !tree.paths.has(`src/${room}`));
  return gone.map((room) =>
    problem(own, lineAt(own.text, own.text.indexOf(`"${room}"`)), `there is no src/${room}: take it out`),
  );
}

function checkFile(file: SourceFile): Problem[] {
  const room = roomOf(file.path);
  const floor = floorOf(room);
  if (floor === -1) return [problem(file, 1, `${room} has no floor: give it one in scripts/tidy/floors.ts`)];
  return file.imports.flatMap(({ target, line }) => {
    if (!target.startsWith("src/")) {
      if (target === "package.json" || isTest(file.path)) return [];
      return [problem(file, line, `src/ may not import ${target}: the product stands alone`)];
    }
    const other = roomOf(target);
    if (other === room) return [];
    const otherFloor = floorOf(other);
    if (otherFloor > floor) return [problem(file, line, `${room} may not import ${other}: imports go down only`)];
    if (otherFloor === floor)
      return [problem(file, line, `${room} may not import ${other}: rooms on one floor do not know each other`)];
    if (forbidden[room]?.includes(other) === true)
      return [problem(file, line, `${room} may not import ${other}: it talks to it over a socket`)];
    if (target.split("/").length > 3 && room !== "app") {
      return [problem(file, line, `enter ${other} by a file directly in src/${other}/, not by ${target}`)];
    }
    return [];
  });
}

function roomOf(path: string): string {
  return path.split("/")[1] ?? "";
}

function floorOf(room: string): number {
  return floors.findIndex((rooms) => rooms.includes(room));
}

function problem(file: SourceFile, line: number, message: string): Problem {
  return { rule: "floors", file: file.path, line, message };
}
