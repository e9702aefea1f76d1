import type { Loosening } from "../../rollout/loosening.ts";

/** What counts of a value that was and one that is asked for, and what was refused of the latter. */
export interface Judged<Value> {
  readonly value: Value;
  readonly loosenings: readonly Loosening[];
}

/** What was, and what is asked for. */
export interface Change<Value> {
  readonly was: Value;
  readonly asked: Value;
}

/** The stricter of two numbers. Undefined demands nothing. */
export function stricterNumber<Value extends number | undefined>(
  field: string,
  { was, asked }: Change<Value>,
  { strict, words }: { readonly strict: "low" | "high"; readonly words: (value: number) => string },
): Judged<Value> {
  const isLooser = was !== undefined && (asked === undefined || (strict === "low" ? asked > was : asked < was));
  if (!isLooser) return { value: asked, loosenings: [] };
  return { value: was, loosenings: [{ field, was: words(was), asked: asked === undefined ? "none" : words(asked) }] };
}

/** The stricter of two words, of which `order` has the loosest first. */
export function stricterWord<Word extends string>(
  field: string,
  { was, asked }: Change<Word>,
  order: readonly Word[],
): Judged<Word> {
  if (order.indexOf(asked) >= order.indexOf(was)) return { value: asked, loosenings: [] };
  return { value: was, loosenings: [{ field, was, asked }] };
}

/** Both lists: nothing of what was may go. `words` names an item. */
export function withAllOf<Item>(
  field: string,
  { was, asked }: Change<readonly Item[]>,
  { isSame, words }: { readonly isSame: (one: Item, other: Item) => boolean; readonly words: (item: Item) => string },
): Judged<readonly Item[]> {
  const gone = was.filter((item) => !asked.some((other) => isSame(item, other)));
  const loosenings = gone.map((item) => ({ field, was: words(item), asked: "none" }));
  return { value: [...asked, ...gone], loosenings };
}

/** Only what both have: nothing new is allowed. */
export function onlyOf<Item>(
  field: string,
  { was, asked }: Change<readonly Item[]>,
  { isSame, words }: { readonly isSame: (one: Item, other: Item) => boolean; readonly words: (item: Item) => string },
): Judged<readonly Item[]> {
  const added = asked.filter((item) => !was.some((other) => isSame(item, other)));
  const loosenings = added.map((item) => ({ field, was: "none", asked: words(item) }));
  return { value: asked.filter((item) => !added.includes(item)), loosenings };
}
