/** A range of Node's versions as package.json, .nvmrc and their like write it: what npm's own reads alike, without labels of pre-releases. */

type Version = readonly [number, number, number];
interface Bound {
  readonly operator: ">=" | ">" | "<" | "<=";
  readonly version: Version;
}

const partial = String.raw`v?(\d+|[xX*])(?:\.(\d+|[xX*]))?(?:\.(\d+|[xX*]))?`;
const comparator = new RegExp(`^(>=|<=|>|<|=|\\^|~)?${partial}$`);
const hyphen = new RegExp(`^(${partial})\\s+-\\s+(${partial})$`);

/** Whether a version is in a range; null when the range, or the version, is none that can be read. */
export function isInRange(version: string, range: string): boolean | null {
  const own = /^v?(\d+)\.(\d+)\.(\d+)$/.exec(version)?.slice(1).map(Number);
  if (own === undefined) return null;
  const alternatives = range.split("||").map((each) => boundsOf(each.trim()));
  if (alternatives.some((bounds) => bounds === null)) return null;
  return alternatives.some((bounds) => bounds?.every((bound) => holds(own as unknown as Version, bound)));
}

function boundsOf(range: string): readonly Bound[] | null {
  if (range === "" || range === "*") return [];
  const [, from, , , , to] = hyphen.exec(range) ?? [];
  const parts =
    from !== undefined && to !== undefined
      ? [`>=${from}`, `<=${to}`]
      : range.replaceAll(/(>=|<=|>|<|=|\^|~)\s+/g, "$1").split(/\s+/);
  const bounds = parts.map(boundsOfOne);
  return bounds.includes(null) ? null : bounds.flatMap((each) => each ?? []);
}

function boundsOfOne(text: string): readonly Bound[] | null {
  const found = comparator.exec(text);
  if (found === null) return null;
  const [, operator = "=", ...written] = found;
  const given = written.map((part) => (part === undefined || /[xX*]/.test(part) ? null : Number(part)));
  const known = given.indexOf(null) === -1 ? 3 : given.indexOf(null);
  if (known === 0) return operator === "<" || operator === ">" ? [{ operator: "<", version: [0, 0, 0] }] : [];
  const low = given.map((part, index) => (index < known ? (part ?? 0) : 0)) as unknown as Version;
  const from: Bound = { operator: ">=", version: low };
  switch (operator) {
    case ">=":
      return [from];
    case "<":
      return [{ operator: "<", version: low }];
    case ">":
      return [known === 3 ? { operator: ">", version: low } : { operator: ">=", version: next(low, known - 1) }];
    case "<=":
      return [known === 3 ? { operator: "<=", version: low } : { operator: "<", version: next(low, known - 1) }];
    case "^":
      return [from, { operator: "<", version: next(low, caretPlace(low, known)) }];
    case "~":
      return [from, { operator: "<", version: next(low, Math.min(1, known - 1)) }];
    default:
      return [from, { operator: "<", version: next(low, known - 1) }];
  }
}

/** A caret lets everything change behind the first number that is not 0. */
function caretPlace(version: Version, known: number): number {
  const first = version.findIndex((part) => part > 0);
  return first === -1 ? known - 1 : Math.min(first, known - 1);
}

function next(version: Version, place: number): Version {
  return version.map((part, index) => (index < place ? part : index === place ? part + 1 : 0)) as unknown as Version;
}

function holds(own: Version, { operator, version }: Bound): boolean {
  const at = own.findIndex((part, index) => part !== version[index]);
  const difference = at === -1 ? 0 : (own[at] ?? 0) - (version[at] ?? 0);
  switch (operator) {
    case ">=":
      return difference >= 0;
    case ">":
      return difference > 0;
    case "<":
      return difference < 0;
    case "<=":
      return difference <= 0;
  }
}
