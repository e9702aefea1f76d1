import { type Document, isMap, isNode, isScalar, isSeq, type Node, type Pair, visit } from "yaml";
import type { ManifestProblem } from "./manifest.ts";

export type Path = readonly PropertyKey[];

/** A problem before it knows where it stands. `about` is the key itself or its value. */
export interface Finding {
  readonly path: Path;
  readonly about: "key" | "value";
  readonly message: string;
  readonly fix: string;
}

/** Finds where in the file a path of keys and indexes stands; what is not there is shown at the nearest thing above it. */
export class Locator {
  readonly #file: string;
  readonly #document: Document;
  readonly #lineStarts: readonly number[];

  constructor(options: { readonly file: string; readonly document: Document; readonly text: string }) {
    this.#file = options.file;
    this.#document = options.document;
    // The parser's LineCounter misses line ends inside of what it could not parse, so lines are counted here.
    this.#lineStarts = [0, ...options.text.matchAll(/\n/g).map(({ index }) => index + 1)];
  }

  locate({ path, about, message, fix }: Finding): ManifestProblem {
    return this.at(this.#offsetOf(path, about), { path: describePath(path), message, fix });
  }

  at(offset: number, said: { readonly path: string; readonly message: string; readonly fix: string }): ManifestProblem {
    const line = Math.max(1, countUpTo(this.#lineStarts, offset));
    return { file: this.#file, line, column: offset - (this.#lineStarts[line - 1] ?? 0) + 1, ...said };
  }

  #offsetOf(path: Path, about: Finding["about"]): number {
    let node: unknown = this.#document.contents;
    let offset = offsetOf(node) ?? 0;
    for (const [index, key] of path.entries()) {
      const pair = isMap(node)
        ? node.items.find((item) => String(isScalar(item.key) ? item.key.value : item.key) === String(key))
        : undefined;
      const keyOffset = offsetOf(pair?.key);
      if (pair !== undefined && about === "key" && index === path.length - 1) return keyOffset ?? offset;
      node = isSeq(node) ? node.items[Number(key)] : pair?.value;
      offset = offsetOf(node) ?? keyOffset ?? offset;
      if (node === undefined || node === null) return offset;
    }
    return offset;
  }
}

/** How many of the ascending numbers are at most `limit`. */
function countUpTo(ascending: readonly number[], limit: number): number {
  let from = 0;
  let to = ascending.length;
  while (from < to) {
    const middle = (from + to) >>> 1;
    if ((ascending[middle] ?? 0) <= limit) from = middle + 1;
    else to = middle;
  }
  return from;
}

function offsetOf(node: unknown): number | undefined {
  return isNode(node) ? node.range?.[0] : undefined;
}

/** `rollout.steps[2].weight`; the file itself is "". */
export function describePath(path: Path): string {
  let words = "";
  for (const key of path)
    words += typeof key === "number" ? `[${key}]` : `${words === "" ? "" : "."}${printable(String(key), 64)}`;
  return words;
}

/** Control characters made visible, and no longer than `lengthMax`, so that a hostile file cannot write to the reader's terminal. */
export function printable(text: string, lengthMax: number): string {
  const visible = JSON.stringify(text.slice(0, lengthMax)).slice(1, -1).replaceAll('\\"', '"').replace(unprintable, "?");
  return text.length > lengthMax ? `${visible}...` : visible;
}

const unprintable = /[\p{Cc}\p{Cf}\p{Co}\p{Cs}\p{Zl}\p{Zp}]/gu;

export interface ForbiddenYaml {
  readonly offset: number;
  readonly message: string;
  readonly fix: string;
  /** True when the rest of the file can be checked as if this were right. */
  readonly isReadable: boolean;
}

/** What YAML allows and belay.yml does not: everything in the file should be what it looks like, and stand there once. */
export function findForbiddenYaml(document: Document): readonly ForbiddenYaml[] {
  const found: ForbiddenYaml[] = [];
  visit(document, {
    Alias(_, node) {
      const message = `the alias *${printable(node.source, 64)} is not allowed`;
      found.push({ offset: offsetOf(node) ?? 0, message, fix: "Write the value out.", isReadable: false });
    },
    Map(_, map) {
      found.push(...findForbiddenKeys(map.items));
    },
    Node(_, node: Node) {
      if (node.tag === undefined) return;
      const message = `the tag ${printable(node.tag, 64)} is not allowed`;
      found.push({ offset: offsetOf(node) ?? 0, message, fix: "Write the value without a tag.", isReadable: false });
    },
  });
  return found;
}

function findForbiddenKeys(pairs: readonly Pair[]): readonly ForbiddenYaml[] {
  const found: ForbiddenYaml[] = [];
  const seen = new Set<string>();
  for (const { key, value } of pairs) {
    const offset = offsetOf(key) ?? offsetOf(value) ?? 0;
    if (!isScalar(key) || !["string", "number"].includes(typeof key.value) || key.value === "__proto__" || key.value === "<<") {
      found.push({ offset, message: "this cannot be a key", fix: "Write a key of letters.", isReadable: false });
    } else if (seen.has(String(key.value))) {
      const message = `the key ${printable(String(key.value), 64)} is written twice in one map`;
      found.push({ offset, message, fix: "Keep one of the two.", isReadable: true });
    } else {
      seen.add(String(key.value));
    }
  }
  return found;
}
