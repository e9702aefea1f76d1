import type { Arm } from "../routing/wire.ts";
import type { Behaviour } from "./behaviour.ts";
import { type Request, type Traffic, VisitorStream } from "./traffic.ts";

/** The control loop's. */
export const tickMs = 100;

export interface Ending {
  /** `running`: neither, when the time was over. */
  readonly outcome: "promoted" | "rolled-back" | "held" | "running";
  /** Why, for a person. */
  readonly reason: string;
  /** Which metric decided; null when none did. */
  readonly metric: string | null;
  /** What failed without taking the release back. */
  readonly alarms: readonly string[];
  /** Whether evidence, and nothing else, let it through. */
  readonly isEarned: boolean;
}

/** A request that has ended. */
export interface Ended {
  readonly request: Request;
  readonly side: Arm;
  readonly weight: number;
  readonly epoch: number;
  readonly isFailed: boolean;
  readonly tookMs: number;
  readonly isInTheWay?: boolean | undefined;
}

/** What decides who meets the release: Belay's engine, or the rule of another tool. */
export interface Steering {
  /** Visitors on the canary now, in ten-thousandths. */
  readonly weight: number;
  /** Rises with each change of the weight. */
  readonly epoch: number;
  /** Which side a request goes to; called when it starts. */
  sideOf(request: Request): Arm;
  ended(ended: Ended): void;
  /** Whether stable is asked in the place of the canary, which has failed this request. Absent: never. */
  replays?(ended: Ended): boolean;
  /** What became of a replay. */
  replayEnded?(hasFailed: boolean): void;
  /** Time passes. `settledUntilMs`: all requests that started before it have ended. Not null when it is over. */
  tick(time: { readonly nowMs: number; readonly settledUntilMs: number }): Ending | null;
}

export interface Played extends Ending {
  /** From the first visitor on the canary to the decision. */
  readonly tookMs: number;
  /** Weight at the end, before it was taken back or given to all. */
  readonly weight: number;
  readonly requests: number;
  readonly canaryRequests: number;
  /** Failed requests of the canary that reached their visitor, and of them those that stable would not have failed. */
  readonly harmedRequests: number;
  readonly excessRequests: number;
  /** Failed requests of the canary that stable answered in its place. */
  readonly shieldedRequests: number;
  /** Visitors whom a failed request of the canary reached. */
  readonly harmedVisitors: number;
}

/** Plays a stream of visitors against a release and whatever steers it, in virtual time; the same seed gives the same numbers. */
export function play(options: {
  readonly traffic: Traffic;
  readonly seed: number;
  readonly stable: Behaviour;
  readonly canary: Behaviour;
  readonly steering: Steering;
  readonly deadlineMs: number;
  readonly untilMs: number;
}): Played {
  const { traffic, seed, stable, canary, steering, deadlineMs, untilMs } = options;
  const stream = new VisitorStream({ traffic, seed, tickMs });
  const ending = new Map<number, Ended[]>();
  const openByTick: number[] = [];
  const harm = new Harm(steering, stable);
  let [requests, canaryRequests] = [0, 0];
  let oldestOpen = 0;
  for (let tick = 0; ; tick += 1) {
    const started = stream.next();
    openByTick.push(started.length);
    requests += started.length;
    for (const request of started) {
      const side = steering.sideOf(request);
      const answer = (side === "canary" ? canary : stable)(request);
      const isFailed = answer.isFailed || answer.tookMs > deadlineMs;
      const tookMs = Math.min(answer.tookMs, deadlineMs);
      if (side === "canary") canaryRequests += 1;
      const endsIn = Math.max(tick, Math.floor((request.atMs + tookMs) / tickMs));
      const ended = {
        request,
        side,
        weight: steering.weight,
        epoch: steering.epoch,
        isFailed,
        tookMs,
        isInTheWay: answer.isInTheWay,
      };
      const list = ending.get(endsIn);
      if (list === undefined) ending.set(endsIn, [ended]);
      else list.push(ended);
    }
    for (const ended of ending.get(tick) ?? []) {
      harm.ended(ended);
      steering.ended(ended);
      const startTick = Math.floor(ended.request.atMs / tickMs);
      openByTick[startTick] = (openByTick[startTick] ?? 0) - 1;
    }
    ending.delete(tick);
    while (oldestOpen <= tick && openByTick[oldestOpen] === 0) oldestOpen += 1;
    const nowMs = (tick + 1) * tickMs;
    const { weight } = steering;
    const over = steering.tick({ nowMs, settledUntilMs: oldestOpen * tickMs });
    const isLate = over === null && nowMs >= untilMs;
    if (over === null && !isLate) continue;
    const end =
      over ??
      ({ outcome: "running", reason: "the time that is played was over", metric: null, alarms: [], isEarned: false } as const);
    // What is on its way ends as it would have.
    for (const [, list] of [...ending].sort(([one], [other]) => one - other)) for (const ended of list) harm.ended(ended);
    return { ...end, tookMs: nowMs, weight, requests, canaryRequests, ...harm.counts };
  }
}

/** Which failures of the canary reach their visitors. */
class Harm {
  readonly #steering: Steering;
  readonly #stable: Behaviour;
  readonly #visitors = new Set<string>();
  #harmed = 0;
  #excess = 0;
  #shielded = 0;

  constructor(steering: Steering, stable: Behaviour) {
    this.#steering = steering;
    this.#stable = stable;
  }

  ended(ended: Ended): void {
    if (ended.side !== "canary" || !ended.isFailed) return;
    const { request } = ended;
    if (this.#isShielded(ended)) {
      this.#shielded += 1;
      return;
    }
    this.#harmed += 1;
    this.#visitors.add(request.visitor.unit);
    if (!this.#stable(request).isFailed) this.#excess += 1;
  }

  get counts(): Pick<Played, "harmedRequests" | "excessRequests" | "shieldedRequests" | "harmedVisitors"> {
    const [harmedRequests, excessRequests, shieldedRequests] = [this.#harmed, this.#excess, this.#shielded];
    return { harmedRequests, excessRequests, shieldedRequests, harmedVisitors: this.#visitors.size };
  }

  #isShielded(ended: Ended): boolean {
    if (this.#steering.replays?.(ended) !== true) return false;
    const { isFailed } = this.#stable({ ...ended.request, luck: ended.request.replayLuck });
    this.#steering.replayEnded?.(isFailed);
    return !isFailed;
  }
}
