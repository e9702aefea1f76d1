import type { Release } from "../rollout/rollout.ts";
import type { SimNode } from "./node.ts";
import type { ReleaseStory } from "./releases.ts";

/** A request that an instance works on; told when the instance breaks it off. */
export interface Served {
  broken(because: "fault" | "stop"): void;
}

/** What ended an instance's process: itself or a fault, or Belay's wish. */
export type EndCause = "fault" | "stop";

/** The truth about one simulated instance, whatever the runtime says of it. */
export class SimInstance {
  readonly id: string;
  readonly release: Release;
  readonly story: ReleaseStory;
  readonly node: SimNode;
  readonly port: number;
  readonly startedAtMs: number;
  /** When the present process answers its health check; infinity when it never will. */
  readyAtMs: number = Number.POSITIVE_INFINITY;
  isUp = true;
  /** The present process's number, so that what was planned for a dead one does not happen to the next. */
  life = 0;
  exits = 0;
  stopAsked = false;
  /** The runtime once said that it is ready when it was not. */
  wasLiedAbout = false;
  wasEverReady = false;
  readonly served: Set<Served> = new Set();

  constructor(options: { id: string; release: Release; story: ReleaseStory; node: SimNode; port: number; nowMs: number }) {
    this.id = options.id;
    this.release = options.release;
    this.story = options.story;
    this.node = options.node;
    this.port = options.port;
    this.startedAtMs = options.nowMs;
    this.boot(options.nowMs);
  }

  boot(nowMs: number): void {
    this.isUp = true;
    this.life += 1;
    this.readyAtMs = this.story.behaviour.kind === "never-ready" ? Number.POSITIVE_INFINITY : nowMs + this.story.bootMs;
  }

  /** Whether a connection to it is accepted and answered. */
  isServing(nowMs: number): boolean {
    const isReady = this.isUp && this.node.isUp && nowMs >= this.readyAtMs;
    this.wasEverReady ||= isReady;
    return isReady && !this.stopAsked;
  }

  end(because: EndCause): void {
    this.isUp = false;
    for (const served of this.served) served.broken(because);
    this.served.clear();
  }
}
