import type { FrontCounts } from "../routing/front-counts.ts";
import type { ServiceRoute } from "../routing/table.ts";
import type { Limits } from "./limits.ts";

/** A request that no instance of stable took. Nothing of it was sent. */
export interface Held {
  readonly service: ServiceRoute;
  /** Memory that it takes while it waits. */
  readonly bytes: number;
  /** Asks the instances again, at the addresses of the present table. */
  ask(): void;
  /** Nobody came in time. */
  expire(): void;
  /** A table has come: the service may be under maintenance now, and then nobody has to be asked. */
  tableServed(): void;
}

interface Queue {
  /** Since when nobody has taken a request. */
  readonly sinceMs: number;
  lastRefusedMs: number;
  /** An instance took one: the others follow, the first that came first. */
  isOpen: boolean;
  /** In the order in which they came; true while the request asks. */
  readonly waiting: Map<Held, boolean>;
}

/** So many go to an instance that has just come up in one go; the others follow at the next look. */
const releasedAtOnce = 64;

/**
 * Requests that wait while no instance of their service takes any: its only instance starts again, all of them crashed, the machine has
 * just booted. The first that came is the one that asks; once it was taken, the others follow in their order. A request that some
 * instance of its side may take never gets here.
 */
export class HeldRequests {
  readonly #limits: Limits;
  readonly #counts: FrontCounts;
  /** By service. */
  #queues = new Map<string, Queue>();
  #count = 0;
  #bytes = 0;

  constructor(limits: Limits, counts: FrontCounts) {
    this.#limits = limits;
    this.#counts = counts;
  }

  /** Takes a request that was refused by everybody, or by everybody again. False when it is not to wait: for too long already, or too many do. */
  hold(held: Held, nowMs: number): boolean {
    const queue = this.#queueOf(held.service, nowMs);
    queue.lastRefusedMs = nowMs;
    if (nowMs - queue.sinceMs >= this.#limits.holdMs) {
      if (this.leave(held)) this.#counts.held(held.service, { expired: 1 });
      return false;
    }
    if (queue.waiting.has(held)) {
      queue.waiting.set(held, false);
      return true;
    }
    if (this.#count >= this.#limits.heldMax || this.#bytes + held.bytes > this.#limits.heldBytesMax) {
      this.#counts.held(held.service, { overflowed: 1 });
      return false;
    }
    this.#count += 1;
    this.#bytes += held.bytes;
    queue.waiting.set(held, false);
    this.#counts.held(held.service, { held: 1, waiting: 1 });
    return true;
  }

  /** The request is over, or on its way to an instance. False when it was not held. */
  leave(held: Held): boolean {
    if (this.#queues.size === 0) return false;
    if (this.#queues.get(keyOf(held.service))?.waiting.delete(held) !== true) return false;
    this.#count -= 1;
    this.#bytes -= held.bytes;
    this.#counts.held(held.service, { waiting: -1 });
    return true;
  }

  /** Nobody came in time. False when the request was not held. */
  expire(held: Held): boolean {
    if (!this.leave(held)) return false;
    this.#counts.held(held.service, { expired: 1 });
    held.expire();
    return true;
  }

  /** The worker ends: who waits has to come again. */
  expireAll(): void {
    for (const { waiting } of this.#queues.values()) for (const held of [...waiting.keys()]) this.expire(held);
  }

  /** An instance of the service took a request. */
  reached(service: ServiceRoute): void {
    if (this.#queues.size === 0) return;
    const queue = this.#queues.get(keyOf(service));
    if (queue === undefined || queue.isOpen) return;
    queue.isOpen = true;
    this.#askSome(queue);
  }

  /** Called every 100 ms. */
  look(nowMs: number): void {
    for (const [key, queue] of this.#queues) {
      const isOver = nowMs - queue.sinceMs >= this.#limits.holdMs;
      if (isOver && !queue.isOpen) for (const held of [...queue.waiting.keys()]) this.expire(held);
      else this.#askSome(queue);
      // What is refused later is another outage.
      const isQuiet = queue.isOpen || nowMs - queue.lastRefusedMs >= this.#limits.holdMs;
      if (queue.waiting.size === 0 && isQuiet) this.#queues.delete(key);
    }
  }

  /** A table has come, perhaps with instances that are there, or with the word that nobody is to be served. */
  tableServed(): void {
    for (const queue of this.#queues.values()) {
      for (const held of [...queue.waiting.keys()]) held.tableServed();
      this.#askSome(queue);
    }
  }

  #askSome({ isOpen, waiting }: Queue): void {
    const asking = [...waiting.values()].filter((isAsking) => isAsking).length;
    const next = [...waiting].filter(([, isAsking]) => !isAsking).slice(0, Math.max(0, (isOpen ? releasedAtOnce : 1) - asking));
    for (const [held] of next) {
      waiting.set(held, true);
      held.ask();
    }
  }

  #queueOf(service: ServiceRoute, nowMs: number): Queue {
    const key = keyOf(service);
    const known = this.#queues.get(key);
    if (known !== undefined && !known.isOpen) return known;
    // Those who were let go and refused again keep their places.
    const queue: Queue = { sinceMs: nowMs, lastRefusedMs: nowMs, isOpen: false, waiting: known?.waiting ?? new Map() };
    this.#queues.set(key, queue);
    return queue;
  }
}

function keyOf({ environment, service }: ServiceRoute): string {
  return `${environment}/${service}`;
}
