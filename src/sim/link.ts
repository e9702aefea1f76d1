import type { FromWorker, ToWorker } from "../routing/wire.ts";
import type { Agenda } from "./agenda.ts";
import type { Draw } from "./draw.ts";

/** One end of a connection between a worker and a control plane. */
export interface LinkEnd<In> {
  receive(message: In): void;
  /** Nothing comes any more. */
  closed(): void;
}

/** How the way between one worker and the control plane misbehaves at present. */
export interface LinkFaults {
  isCut: boolean;
  delayMs: number;
}

/**
 * A connection as a stream socket makes it: messages arrive in order, late or, when it breaks, not at all. What was sent
 * before a break and has not arrived is lost.
 */
export class Link {
  readonly #agenda: Agenda;
  readonly #draw: Draw;
  readonly #faults: LinkFaults;
  readonly #control: LinkEnd<FromWorker>;
  readonly #worker: LinkEnd<ToWorker>;
  #isOpen = true;
  #controlAtMs = 0;
  #workerAtMs = 0;

  constructor(options: {
    agenda: Agenda;
    draw: Draw;
    faults: LinkFaults;
    control: LinkEnd<FromWorker>;
    worker: LinkEnd<ToWorker>;
  }) {
    this.#agenda = options.agenda;
    this.#draw = options.draw;
    this.#faults = options.faults;
    this.#control = options.control;
    this.#worker = options.worker;
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  toControl(message: FromWorker): void {
    this.#controlAtMs = this.#deliver(this.#controlAtMs, () => this.#control.receive(message));
  }

  toWorker(message: ToWorker): void {
    this.#workerAtMs = this.#deliver(this.#workerAtMs, () => this.#worker.receive(message));
  }

  /** Both ends are told, unless one of them is the dead one, which hears nothing. */
  break(dead: "control" | "worker" | null): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    if (dead !== "control") this.#control.closed();
    if (dead !== "worker") this.#worker.closed();
  }

  #deliver(notBeforeMs: number, action: () => void): number {
    const atMs = Math.max(notBeforeMs, this.#agenda.nowMs + this.#draw.between(0.2, 2) + this.#faults.delayMs);
    this.#agenda.at(atMs, () => {
      if (this.#isOpen && !this.#faults.isCut) action();
    });
    return atMs;
  }
}
