import type { RoutingTable } from "../routing/table.ts";
import type { ControlProcess } from "./control-process.ts";
import type { Draw } from "./draw.ts";
import { Link, type LinkFaults } from "./link.ts";
import type { SimNode } from "./node.ts";
import { SimWorker, type WorkerSurroundings } from "./worker.ts";

const reconnectMs = 100;
const tickEveryMs = 100;

export interface PlaceOptions {
  readonly name: string;
  readonly node: SimNode;
  readonly draw: Draw;
  readonly around: WorkerSurroundings;
  control(): ControlProcess | null;
}

/** Where one worker's processes live, one after the other: on its node, with its way to the control plane. */
export class WorkerPlace {
  readonly name: string;
  readonly node: SimNode;
  readonly faults: LinkFaults = { isCut: false, delayMs: 0 };
  readonly #options: PlaceOptions;
  #present: SimWorker | null = null;
  #link: Link | null = null;

  constructor(options: PlaceOptions) {
    this.name = options.name;
    this.node = options.node;
    this.#options = options;
  }

  get present(): SimWorker | null {
    return this.#present;
  }

  /** Starts a process, which reads the stored table before it hears of a control plane. Nothing happens while one lives. */
  start({ boots, table }: { readonly boots: number; readonly table: RoutingTable | null }): void {
    if (this.#present !== null || !this.node.isUp) return;
    const { agenda } = this.#options.around;
    const { name, node } = this;
    const worker = new SimWorker({ name, boot: `${name}-${boots}`, pid: 1_000 + boots, node, around: this.#options.around });
    if (table !== null) worker.state.acceptStoredTable(table, agenda.nowMs);
    this.#present = worker;
    this.connect();
    const tick = (): void => {
      if (!worker.isAlive) return;
      worker.tick();
      agenda.after(tickEveryMs, tick);
    };
    agenda.after(this.#options.draw.between(0, tickEveryMs), tick);
  }

  kill(): void {
    this.#present?.die();
    this.#present = null;
  }

  cut(): void {
    this.faults.isCut = true;
    this.#link?.break(null);
  }

  mend(): void {
    this.faults.isCut = false;
  }

  /** The control plane is gone. A socket of the dead closes after what it held was delivered. */
  controlDied(): void {
    const link = this.#link;
    this.#options.around.agenda.after(2, () => link?.break("control"));
  }

  /** Tries now, and until it works. */
  connect(): void {
    const present = this.#present;
    if (present === null || present.isLinked) return;
    const control = this.#options.control();
    if (control === null || this.faults.isCut) {
      this.#connectLater(present);
      return;
    }
    const { draw, around } = this.#options;
    const link: Link = new Link({
      agenda: around.agenda,
      draw,
      faults: this.faults,
      control: control.plane.accept(() => link),
      worker: {
        receive: (message) => present.receive(message),
        closed: () => {
          present.closed();
          this.#connectLater(present);
        },
      },
    });
    this.#link = link;
    present.connect(link);
  }

  #connectLater(worker: SimWorker): void {
    this.#options.around.agenda.after(reconnectMs, () => {
      if (this.#present === worker) this.connect();
    });
  }
}
