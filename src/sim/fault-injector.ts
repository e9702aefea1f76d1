import { endOf, type Fault } from "./faults.ts";
import type { World } from "./world.ts";

/** A fault's last traces (a reconnect, a reply that comes late) are gone this long after its end. */
const recoveryMs = 2_500;
/** A control plane that does nothing any more dies anyway. */
const deathPatienceMs = 1_000;

/** Brings the story's faults into the world, and takes them out again. */
export class FaultInjector {
  readonly #world: World;
  /** Until when a fault of a kind and place lasts, so that overlapping ones end together. */
  readonly #untilMs = new Map<string, number>();
  #calmFromMs = 0;

  constructor(world: World, faults: readonly Fault[]) {
    this.#world = world;
    for (const fault of faults) {
      world.agenda.at(fault.atMs, () => this.#begin(fault));
      this.#calmFromMs = Math.max(this.#calmFromMs, endOf(fault) + recoveryMs);
    }
  }

  /** From then on nothing goes wrong that the story wrote. */
  get calmFromMs(): number {
    return this.#calmFromMs;
  }

  #begin(fault: Fault): void {
    const { runtime, places, agenda } = this.#world;
    switch (fault.kind) {
      case "control-crash":
        this.#crashControl(fault);
        return;
      case "clock-step":
        this.#world.clock.stepWall(fault.byMs);
        return;
      case "instance-crash": {
        const all = runtime.all();
        const instance = all[Math.floor(fault.luck * all.length)];
        if (instance !== undefined) runtime.crash(instance);
        return;
      }
      case "worker-crash": {
        const place = places[fault.worker];
        if (place === undefined) return;
        this.#world.killWorker(place);
        agenda.after(fault.forMs, () => this.#world.startWorker(place));
        return;
      }
      case "node-lost":
        this.#loseNode(fault.node, fault.forMs);
        return;
      case "link-cut": {
        const place = places[fault.worker];
        if (place === undefined) return;
        this.#during(`${fault.kind} ${fault.worker}`, fault.forMs, (isOn) => (isOn ? place.cut() : place.mend()));
        return;
      }
      case "link-slow": {
        const place = places[fault.worker];
        if (place === undefined) return;
        this.#during(`${fault.kind} ${fault.worker}`, fault.forMs, (isOn) => {
          place.faults.delayMs = isOn ? fault.delayMs : 0;
        });
        return;
      }
      case "list-misses":
        this.#during(fault.kind, fault.forMs, (isOn) => {
          runtime.faults.missesSlot = isOn ? fault.slot : null;
        });
        return;
      case "ready-too-early":
        this.#during(fault.kind, fault.forMs, (isOn) => {
          runtime.faults.saysReadyTooEarly = isOn;
        });
        return;
      case "starts-lost":
        this.#during(fault.kind, fault.forMs, (isOn) => {
          runtime.faults.losesStarts = isOn;
        });
        return;
      case "replies-lost":
        this.#during(fault.kind, fault.forMs, (isOn) => {
          runtime.faults.losesReplies = isOn;
        });
        return;
      case "runtime-silent":
        this.#during(fault.kind, fault.forMs, (isOn) => {
          runtime.faults.isSilent = isOn;
        });
        return;
      case "keeper-silent":
        this.#during(fault.kind, fault.forMs, (isOn) => {
          this.#world.isKeeperSilent = isOn;
        });
        return;
      case "disk-full":
        this.#during(fault.kind, fault.forMs, (isOn) => this.#fillDisk(isOn, fault.what));
        return;
      case "shared-outage":
        this.#during(fault.kind, fault.forMs, (isOn) => {
          this.#world.outageShare = isOn ? fault.share : 0;
        });
        return;
    }
  }

  #during(key: string, forMs: number, turn: (isOn: boolean) => void): void {
    const { agenda } = this.#world;
    const untilMs = Math.max(this.#untilMs.get(key) ?? 0, agenda.nowMs + forMs);
    this.#untilMs.set(key, untilMs);
    turn(true);
    agenda.after(forMs, () => {
      if (agenda.nowMs >= (this.#untilMs.get(key) ?? 0)) turn(false);
    });
  }

  #crashControl({ afterActions, forMs, diesAgainBefore }: Extract<Fault, { kind: "control-crash" }>): void {
    const { control, agenda } = this.#world;
    if (control === null) return;
    control.dieAfter(afterActions);
    this.#world.nextDiesBefore = diesAgainBefore;
    agenda.after(deathPatienceMs, () => control.die());
    this.#world.onControlDeath = () => {
      if (forMs !== null) this.#restartControl(forMs);
    };
  }

  #restartControl(afterMs: number): void {
    this.#world.agenda.after(afterMs, () => this.#world.startControl());
  }

  #loseNode(index: number, forMs: number): void {
    const { nodes, places, runtime, agenda } = this.#world;
    const node = nodes[index === 0 ? 0 : 1];
    const place = places[index];
    if (place === undefined || !node.isUp) return;
    node.isUp = false;
    this.#world.killWorker(place);
    runtime.loseNode(node);
    if (index === 0) {
      this.#world.nextDiesBefore = null;
      this.#world.onControlDeath = () => {};
      this.#world.control?.die();
      this.#world.onControlDeath = () => this.#restartControl(300);
    }
    agenda.after(forMs, () => {
      node.isUp = true;
      node.boots += 1;
      this.#world.startWorker(place);
      if (index === 0) this.#restartControl(300);
    });
  }

  #fillDisk(isOn: boolean, what: "ledger" | "files" | "both"): void {
    const { disk, routing, agenda } = this.#world;
    disk.ledger.unwritableBecause = isOn && what !== "files" ? "no space left on the simulated disk" : null;
    disk.isFull = isOn && what !== "ledger";
    // It is found out at the next checkpoint of the evidence, within a second.
    routing.unwritableSinceMs = disk.isFull ? (routing.unwritableSinceMs ?? agenda.nowMs + 1_100) : null;
  }
}
