const versionPattern = /^(\d+)\.(\d+)\.(\d+)(?:-([0-9A-Za-z.-]+))?(?:\+[0-9A-Za-z.-]+)?$/;

/** The version that a service has: of a file VERSION, else of package.json; null when neither names one. */
export async function versionOf(read: (path: string) => Promise<string | undefined>): Promise<string | null> {
  const plain = (await read("VERSION"))?.trim();
  if (plain !== undefined && versionPattern.test(plain)) return plain;
  const text = (await read("package.json")) ?? "{}";
  try {
    const { version } = JSON.parse(text) as { readonly version?: unknown };
    return typeof version === "string" && versionPattern.test(version) ? version : null;
  } catch (cause) {
    if (cause instanceof SyntaxError) return null;
    throw cause;
  }
}

/** Order of semantic versions: https://semver.org, section 11. */
export function compareVersions(one: string, other: string): number {
  const [, ...left] = versionPattern.exec(one) ?? [];
  const [, ...right] = versionPattern.exec(other) ?? [];
  for (const index of [0, 1, 2]) {
    const difference = Number(left[index]) - Number(right[index]);
    if (difference !== 0) return difference;
  }
  const [before, after] = [left[3], right[3]];
  if (before === undefined || after === undefined) return Number(before === undefined) - Number(after === undefined);
  return comparePreReleases(before.split("."), after.split("."));
}

function comparePreReleases(left: readonly string[], right: readonly string[]): number {
  for (const [index, part] of left.entries()) {
    const other = right[index];
    if (other === undefined) return 1;
    const areNumbers = [/^\d+$/.test(part), /^\d+$/.test(other)] as const;
    if (areNumbers[0] !== areNumbers[1]) return areNumbers[0] ? -1 : 1;
    const difference = areNumbers[0] ? Number(part) - Number(other) : part < other ? -1 : part > other ? 1 : 0;
    if (difference !== 0) return difference;
  }
  return left.length - right.length;
}
