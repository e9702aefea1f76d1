import type { Import, Problem, SourceFile, Tree } from "./tree.ts";

/** Files that need each other to run are one subject in two places, and which one is ready first is chance. Types need nothing to run. */
export function checkCircles(tree: Tree): Problem[] {
  const sources = new Map(tree.sources.map((file) => [file.path, file]));
  return tree.sources.flatMap((file) => {
    const circle = shortestCircle(file, sources);
    // Told at one of its files only.
    if (circle === null || circle.some(({ target }) => target < file.path)) return [];
    const path = [file.path, ...circle.map(({ target }) => target)].join(" -> ");
    const message = `${path}: move what both need into a file of its own`;
    return [{ rule: "circles", file: file.path, line: circle[0]?.line ?? 1, message }];
  });
}

/** The imports that lead from a file back to itself; null when none do. */
function shortestCircle(start: SourceFile, sources: ReadonlyMap<string, SourceFile>): readonly Import[] | null {
  const seen = new Set<string>();
  let ways: readonly (readonly Import[])[] = [[]];
  while (ways.length > 0) {
    const longer: (readonly Import[])[] = [];
    for (const way of ways) {
      const file = sources.get(way.at(-1)?.target ?? start.path);
      for (const next of file?.imports ?? []) {
        if (next.isType || seen.has(next.target)) continue;
        if (next.target === start.path) return [...way, next];
        seen.add(next.target);
        longer.push([...way, next]);
      }
    }
    ways = longer;
  }
  return null;
}
