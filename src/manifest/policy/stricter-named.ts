import type { Change, Judged } from "./loosening.ts";

/** Lists of things with a name: none may go, and each is judged with the one of its name. */
export function stricterNamed<Item>(
  field: string,
  { was, asked }: Change<readonly Item[]>,
  nameOf: (item: Item) => string,
  judge: (field: string, change: Change<Item>) => Judged<Item>,
): Judged<readonly Item[]> {
  const gone = was.filter((item) => !asked.some((other) => nameOf(other) === nameOf(item)));
  const kept = asked.map((item) => {
    const before = was.find((other) => nameOf(other) === nameOf(item));
    return before === undefined
      ? { value: item, loosenings: [] }
      : judge(`${field}.${nameOf(item)}`, { was: before, asked: item });
  });
  return {
    value: [...kept.map(({ value }) => value), ...gone],
    loosenings: [
      ...kept.flatMap(({ loosenings }) => loosenings),
      ...gone.map((item) => ({ field: `${field}.${nameOf(item)}`, was: "there", asked: "none" })),
    ],
  };
}
