/** How many files are open at once: enough to keep a disk busy, far from any limit on descriptors. */
const atOnce = 8;

/** `items.map(action)` with few running at once; results in the order of the items. Rejects with the first failure once nothing runs any more. */
export async function mapFew<Item, Result>(
  items: readonly Item[],
  action: (item: Item) => Promise<Result>,
): Promise<readonly Result[]> {
  const results = new Map<number, Result>();
  const waiting = items.entries();
  let failure: { readonly cause: unknown } | undefined;
  const work = async () => {
    for (const [index, item] of waiting) {
      if (failure !== undefined) return;
      try {
        results.set(index, await action(item));
      } catch (cause) {
        failure ??= { cause };
      }
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  if (failure !== undefined) throw failure.cause;
  return items.map((_, index) => results.get(index) as Result);
}
