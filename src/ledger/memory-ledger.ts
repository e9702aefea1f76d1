import type { Clock } from "../ports/clock.ts";
import type { Entry } from "../rollout/entry.ts";
import { genesisHash } from "./chain.ts";
import { type Signer, signCheckpoint } from "./checkpoint.ts";
import { createSignerFrom } from "./keys.ts";
import type { ChainedEntry, Checkpoint, Ledger } from "./ledger.ts";
import { closedLedger, conflict, inUse, unwritable } from "./ledger-errors.ts";
import { stampEntries } from "./stamp.ts";
import { parseEntry } from "./upcast.ts";

/** What survives a crash of the program that writes to it: the simulator's disk under the ledger. */
export class MemoryLedgerDisk {
  readonly log: string;
  readonly rows: { readonly text: string; readonly rollout: string; readonly hash: string }[] = [];
  /** Why nothing can be written, in words; null when all is well. */
  unwritableBecause: string | null = null;
  /** Called around each append; what it throws is the crash. After "before" nothing is recorded, after "after" everything is. */
  onAppend: (moment: "before" | "after") => void = () => {};
  #writer: MemoryLedger | null = null;

  constructor(log = "memory") {
    this.log = log;
  }

  /** Ends the writer as the death of its process does: the log is free, and what the dead writer still tries fails. */
  killWriter(): void {
    this.#writer?.close();
  }

  /** For `MemoryLedger` alone. */
  lock(writer: MemoryLedger): void {
    if (this.#writer !== null) throw inUse("memory");
    this.#writer = writer;
  }

  /** For `MemoryLedger` alone. */
  unlock(writer: MemoryLedger): void {
    if (this.#writer === writer) this.#writer = null;
  }
}

/** The ledger of the simulator and of tests: as strict as the one on disk, and able to fail on demand. */
export class MemoryLedger implements Ledger {
  readonly #clock: Clock;
  readonly #disk: MemoryLedgerDisk;
  readonly #signer: Signer;
  #isOpen = true;

  constructor(options: { readonly clock: Clock; readonly disk: MemoryLedgerDisk; readonly signer: Signer }) {
    this.#clock = options.clock;
    this.#disk = options.disk;
    this.#signer = options.signer;
    this.#disk.lock(this);
  }

  get log(): string {
    return this.#disk.log;
  }

  get position(): number {
    return this.#disk.rows.length;
  }

  append({ afterPosition, entries }: Parameters<Ledger["append"]>[0]): readonly Entry[] {
    this.#demandOpen();
    if (afterPosition !== this.position) throw conflict(afterPosition, this.position);
    this.#disk.onAppend("before");
    if (this.#disk.unwritableBecause !== null) throw unwritable("memory", this.#disk.unwritableBecause);
    const stamped = stampEntries({ entries, end: { position: afterPosition, hash: this.#hash() }, clock: this.#clock });
    this.#disk.rows.push(...stamped.map(({ entry, text, hash }) => ({ text, rollout: entry.rollout, hash })));
    this.#disk.onAppend("after");
    return stamped.map(({ entry }) => entry);
  }

  read({ afterPosition, limit = Number.POSITIVE_INFINITY, rollout }: Parameters<Ledger["read"]>[0]): readonly ChainedEntry[] {
    this.#demandOpen();
    const found: ChainedEntry[] = [];
    for (let index = afterPosition; index < this.#disk.rows.length && found.length < limit; index += 1) {
      const row = this.#disk.rows[index];
      if (row === undefined || (rollout !== undefined && row.rollout !== rollout)) continue;
      // Parsed anew for each reader, so that no reader can change what another one reads.
      found.push({ entry: parseEntry(row.text, index + 1), hash: row.hash });
    }
    return found;
  }

  checkpoint(): Checkpoint {
    this.#demandOpen();
    return signCheckpoint(this.#signer, {
      log: this.log,
      position: this.position,
      hash: this.#hash(),
      at: this.#clock.now().toString(),
    });
  }

  close(): void {
    this.#isOpen = false;
    this.#disk.unlock(this);
  }

  #hash(): string {
    return this.#disk.rows.at(-1)?.hash ?? genesisHash;
  }

  #demandOpen(): void {
    if (!this.#isOpen) throw closedLedger();
  }
}

/** Opens the log on `disk` (a new one by default). Throws `BELAY_LEDGER_IN_USE` while another writer has it open. */
export function openMemoryLedger(options: {
  readonly clock: Clock;
  readonly disk?: MemoryLedgerDisk;
  readonly signer?: Signer;
}): MemoryLedger {
  const { clock, disk = new MemoryLedgerDisk(), signer = createSignerFrom(new Uint8Array(32)) } = options;
  return new MemoryLedger({ clock, disk, signer });
}
