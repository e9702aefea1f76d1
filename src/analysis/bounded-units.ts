/** A number from 0 to 2^32 - 1 drawn from the unit's name and from nothing else, so that a sample by it takes no side. */
function sampleOf(unit: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < unit.length; index += 1) hash = Math.imul(hash ^ unit.charCodeAt(index), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/**
 * A map from units to values that never outgrows `unitsMax`: when it would, it forgets the half of all units whose hash is
 * above a threshold, and accepts none of them from then on. What is counted is then a random sample of units, so tests on
 * it stay exact and only slow down.
 */
export class BoundedUnits<Value> {
  readonly #values = new Map<string, Value>();
  readonly #unitsMax: number;
  #halvings: number;

  constructor(unitsMax: number, halvings = 0) {
    this.#unitsMax = unitsMax;
    this.#halvings = halvings;
  }

  accepts(unit: string): boolean {
    return this.#halvings === 0 || sampleOf(unit) < 2 ** (32 - this.#halvings);
  }

  get(unit: string): Value | undefined {
    return this.#values.get(unit);
  }

  /** Does nothing for a unit that is not accepted. */
  set(unit: string, value: Value): void {
    if (!this.accepts(unit)) return;
    this.#values.set(unit, value);
    while (this.#values.size > this.#unitsMax) {
      this.#halvings += 1;
      for (const known of this.#values.keys()) if (!this.accepts(known)) this.#values.delete(known);
    }
  }

  get halvings(): number {
    return this.#halvings;
  }

  /** How many units each accepted one stands for. */
  get scale(): number {
    return 2 ** this.#halvings;
  }

  entries(): Iterable<readonly [string, Value]> {
    return this.#values;
  }
}
