import type { Agenda } from "./agenda.ts";
import type { Draw } from "./draw.ts";
import type { AskedPage } from "./releases.ts";

export interface Visitor {
  /** 16 hex digits: stands for the cookie's id and for the unit alike. */
  readonly id: string;
  /** Uniform in [0, 1): whether a release that fails for some fails for this one. */
  readonly luck: number;
  readonly outageLuck: number;
}

/** One request of a visitor, drawn before anything decides where it goes. */
export interface VisitorRequest extends AskedPage {
  /** Uniform in [0, 1): which worker takes the connection. */
  readonly workerLuck: number;
  /** Between the choice of an instance and the connection to it. */
  readonly connectMs: number;
  /** The visitor leaves after so long; null when it waits. */
  readonly leavesAfterMs: number | null;
}

/**
 * Visitors of one service: they come as a Poisson stream, look at some pages with up to a second of thought
 * between, and some come back half a minute later with the cookie they have.
 */
export class Visitors {
  readonly #agenda: Agenda;
  readonly #draw: Draw;
  readonly #perSecond: number;
  readonly #pages: readonly [number, number];
  readonly #ask: (request: VisitorRequest) => void;
  #isOpen = true;

  constructor(options: {
    agenda: Agenda;
    draw: Draw;
    perSecond: number;
    pages: readonly [number, number];
    ask: (request: VisitorRequest) => void;
  }) {
    this.#agenda = options.agenda;
    this.#draw = options.draw;
    this.#perSecond = options.perSecond;
    this.#pages = options.pages;
    this.#ask = options.ask;
  }

  begin(): void {
    this.#agenda.after(this.#draw.waitMs(this.#perSecond), () => {
      if (!this.#isOpen) return;
      this.#arrive();
      this.begin();
    });
  }

  /** Nobody asks for anything any more; what is in flight ends. */
  end(): void {
    this.#isOpen = false;
  }

  #arrive(): void {
    const draw = this.#draw;
    const visitor: Visitor = { id: draw.hex(16), luck: draw.share(), outageLuck: draw.share() };
    const pages = draw.int(...this.#pages);
    this.#visit(visitor, pages);
    if (draw.chance(0.1)) {
      this.#agenda.after(draw.between(3_000, 30_000), () => {
        if (this.#isOpen) this.#visit(visitor, pages);
      });
    }
  }

  #visit(visitor: Visitor, pages: number): void {
    let afterMs = 0;
    for (let page = 0; page < pages; page += 1) {
      const request = this.#request(visitor, page);
      this.#agenda.after(afterMs, () => {
        if (this.#isOpen) this.#ask(request);
      });
      afterMs += this.#draw.between(20, 1_000);
    }
  }

  #request(visitor: Visitor, page: number): VisitorRequest {
    const draw = this.#draw;
    const luck = draw.share();
    return {
      visitor,
      page,
      serviceMs: luck < 0.95 ? draw.between(2, 40) : draw.between(40, 600),
      workerLuck: draw.share(),
      connectMs: draw.chance(0.05) ? draw.between(1, 150) : 0,
      leavesAfterMs: draw.chance(0.01) ? draw.between(1, 300) : null,
    };
  }
}
