/** What this runtime needs of the machine's keeper. Declared here because rooms of one floor do not know each other. */
export interface ProcessKeeper {
  /** Idempotent by name; resolves when it is started, or will be. */
  run(spec: KeptSpec): Promise<void>;
  /** Idempotent; resolves when the process and what it left behind have ended. */
  stop(name: string, graceMs: number): Promise<void>;
  list(): Promise<readonly KeptProcess[]>;
  /** A process ended by itself and is started again. Returns how to end it. */
  onExit(listener: (exit: { readonly name: string; readonly lastExit: string }) => void): () => void;
}

export interface KeptSpec {
  readonly name: string;
  readonly argv: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  readonly sockets: readonly string[];
  readonly keys: Readonly<Record<string, string>>;
  /** More variables, sealed. What the process writes is masked by the output filter, which must run then. */
  readonly sealedEnv?: string | undefined;
  readonly memoryBytesMax: number | null;
  readonly graceMs: number;
  /** Started once and never again; how it ended is listed until it is stopped. Idempotent by name alone. */
  readonly isOnce?: true | undefined;
  /** Gives way to everything else that wants the processor. */
  readonly isBackground?: true | undefined;
}

export interface KeptProcess {
  readonly name: string;
  readonly pid: number | null;
  readonly state: "running" | "waiting" | "stopping" | "ended";
  readonly exits: number;
  readonly lastExit: string;
  readonly isEndUnseen: boolean;
  readonly ranMs: number;
  readonly logFile: string;
  readonly env: Readonly<Record<string, string>>;
}
