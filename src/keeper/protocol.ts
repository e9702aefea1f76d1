/**
 * What the keeper is asked, in JSON lines over its unix socket: `{ id, request }` is answered by `{ id, ok, result | error }`.
 * The keeper has no product logic: it knows processes, sockets and log files.
 */
export const keeperProtocol = 1;

export interface ProcessSpec {
  /** Unique; also the name of its log file. */
  readonly name: string;
  readonly argv: readonly string[];
  readonly cwd: string;
  /** The whole environment; nothing is inherited. */
  readonly env: Readonly<Record<string, string>>;
  /** Names of listening sockets to inherit. The process finds them in `BELAY_SOCKETS` as `name=fd,name=fd`. */
  readonly sockets: readonly string[];
  /** Files whose content is handed over on a pipe (`BELAY_KEYS`: `name=fd`), so that it is in neither argv nor environment. */
  readonly keys: Readonly<Record<string, string>>;
  /**
   * More variables, as `createSealing` seals them: they are in clear in the process alone, never in the keeper's state. What the
   * process writes goes through the output filter, which masks their values. Absent when there are none.
   */
  readonly sealedEnv?: string | undefined;
  readonly memoryBytesMax: number | null;
  /** Time between SIGTERM and SIGKILL when it is stopped. */
  readonly graceMs: number;
  /** Started once and never again, whatever becomes of it; how it ended is kept until it is stopped, which forgets it. */
  readonly isOnce?: true | undefined;
  /** Gives way to everything else that wants the processor, as `giveWay` says, and is started again only after seconds. */
  readonly isBackground?: true | undefined;
}

export interface ProcessStatus {
  readonly name: string;
  readonly pid: number | null;
  /** `ended` is only ever one that runs once. */
  readonly state: "running" | "waiting" | "stopping" | "ended";
  /** How often it ended by itself. */
  readonly exits: number;
  /** How it ended last: "exit code 1", "signal SIGKILL", "memory above 512 MB", or "" . */
  readonly lastExit: string;
  /** No keeper saw it end, or even whether it was started: what `lastExit` says is all that is known. */
  readonly isEndUnseen: boolean;
  /** How long the process that runs now has been running, or the one that ran once did, in ms, as far as this keeper saw it. */
  readonly ranMs: number;
  readonly logFile: string;
  readonly env: Readonly<Record<string, string>>;
}

export type KeeperRequest =
  | { readonly kind: "hello"; readonly protocol: number }
  /** Idempotent by name: a process of this name with the same spec is left alone; another spec replaces it, the new one first. */
  | { readonly kind: "run"; readonly spec: ProcessSpec }
  /**
   * As `run` for a spec that `isOnce`. Idempotent by name alone: while anything of this name is known, nothing is started. A kind of
   * its own, because a keeper from before it would start the process again and again.
   */
  | { readonly kind: "run-once"; readonly spec: ProcessSpec }
  /** Idempotent; answers when the process has ended and will not be started again. */
  | { readonly kind: "stop"; readonly name: string; readonly graceMs: number }
  | { readonly kind: "list" }
  /** Where the listening sockets are bound, by name ("127.0.0.1:8080" or a path). */
  | { readonly kind: "addresses" }
  /** Stops everything, the holder and itself last. */
  | { readonly kind: "shutdown" };
