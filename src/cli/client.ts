import { Readable } from "node:stream";
import { Agent, buildConnector, type Dispatcher, request } from "undici";
import type {
  ApprovalRequest,
  ApprovalView,
  ApprovedView,
  ChainedEntry,
  Checkpoint,
  ConfigView,
  DeployRequest,
  Exceptions,
  LogsView,
  PathsView,
  PinnedPolicyView,
  PlannedView,
  PlanView,
  PreviewLink,
  RolloutView,
  RulesView,
  RunView,
  SecretView,
  SloView,
  StartedDeploy,
  StatusView,
  TokenView,
} from "../api/views.ts";
import { BelayError } from "../errors.ts";
import type { Tunnel } from "./ssh-tunnel.ts";

export interface ServiceName {
  readonly service: string;
  readonly environment: string;
}

/** A service, an environment, both, or (null) all. */
export interface Place {
  readonly service: string | null;
  readonly environment: string | null;
}

export interface Started {
  readonly rollout: string;
}

export interface NewToken {
  readonly name: string;
  readonly role: TokenView["role"];
  readonly service: string | null;
  readonly environment: string | null;
  readonly lastsMs: number | null;
  readonly gitEmails: readonly string[];
}

/** The HTTP API, as the commands use it. Every failure is a BelayError: the API's own, or one about the way to it. */
export interface Client {
  /** Where it asks, in words. */
  readonly address: string;
  status(): Promise<StatusView>;
  knownCommits(): Promise<readonly string[]>;
  sendPack(options: {
    readonly commit: string;
    readonly shallow: readonly string[];
    readonly pack: AsyncIterable<Uint8Array>;
  }): Promise<void>;
  sendBundle(options: { readonly sha256: string; readonly bundle: AsyncIterable<Uint8Array> }): Promise<void>;
  deploy(body: DeployRequest): Promise<StartedDeploy>;
  /** What `deploy` would do; starts nothing. */
  plan(body: DeployRequest): Promise<PlannedView>;
  policies(): Promise<readonly PinnedPolicyView[]>;
  pinPolicy(body: Place & { readonly text: string }): Promise<PinnedPolicyView>;
  clearPolicy(body: Place): Promise<void>;
  rules(of: ServiceName): Promise<RulesView>;
  /** A rollout of the present release with its configuration resolved anew. */
  releaseConfig(
    of: ServiceName,
    body: Pick<DeployRequest, "supersede" | "brief"> & { readonly config: Readonly<Record<string, string>> } & Exceptions,
  ): Promise<StartedDeploy>;
  secrets(of: ServiceName): Promise<readonly SecretView[]>;
  setSecrets(of: ServiceName, values: Readonly<Record<string, string>>): Promise<readonly SecretView[]>;
  unsetSecret(of: ServiceName, name: string): Promise<readonly SecretView[]>;
  /** Of a release, by default of the one that serves everyone. */
  config(of: ServiceName, release: string | undefined): Promise<ConfigView>;
  command(verb: "promote" | "abort" | "pause" | "resume" | "rollback", of: ServiceName, body: object): Promise<Started>;
  setMaintenance(
    of: ServiceName,
    body: { readonly isOn: boolean; readonly message: string },
  ): Promise<{ readonly position: number }>;
  preview(of: ServiceName, body: { readonly release: string | null; readonly lastsSeconds: number }): Promise<PreviewLink>;
  rotatePreviewKeys(body: {
    readonly isRevoking: boolean;
  }): Promise<{ readonly keys: readonly string[]; readonly position: number }>;
  approval(rollout: string): Promise<ApprovalView>;
  approve(rollout: string, body: Omit<ApprovalRequest, "rollout">): Promise<ApprovedView>;
  review(rollout: string, body: { readonly words: string }): Promise<Started>;
  planAhead(of: ServiceName, body: { readonly manifest: string } & Exceptions): Promise<PlanView>;
  slo(of: ServiceName): Promise<SloView>;
  paths(of: ServiceName): Promise<PathsView>;
  override(of: ServiceName, body: { readonly reason: string }): Promise<Started>;
  tokens(): Promise<readonly TokenView[]>;
  createToken(body: NewToken): Promise<{ readonly secret: string; readonly token: TokenView }>;
  /** By id or name; returns the ids of those that were ended. */
  revokeToken(token: string): Promise<readonly string[]>;
  mapToken(body: { readonly name: string; readonly gitEmails: readonly string[] }): Promise<readonly TokenView[]>;
  rollout(id: string): Promise<RolloutView>;
  entries(options: {
    readonly after: number;
    readonly limit: number;
    readonly rollout?: string;
  }): Promise<readonly ChainedEntry[]>;
  checkpoint(): Promise<Checkpoint>;
  /** The last lines; with the cursor of an answer before, what was written since. */
  logs(
    options: ServiceName & {
      readonly lines: number;
      readonly release?: string;
      readonly task?: string;
      readonly process?: string;
      readonly cursor?: string;
    },
  ): Promise<LogsView>;
  startRun(
    of: ServiceName,
    body: { readonly command: readonly string[]; readonly release: string | null; readonly reason: string },
  ): Promise<{ readonly run: string }>;
  stopRun(of: ServiceName, run: string): Promise<void>;
  /** A command that runs or ran; with the cursor of an answer before, what it wrote since. */
  run(of: ServiceName, run: string, cursor: string | undefined): Promise<RunView>;
  close(): Promise<void>;
}

/** A unix socket on this machine, the one of another machine through ssh, an address with a token, or what was meant and is not known. */
export type ClientTarget =
  | {
      readonly kind: "socket";
      readonly path: string;
      readonly dataFolder: string;
      readonly actor: string;
      readonly token?: string | undefined;
    }
  | { readonly kind: "url"; readonly url: string; readonly token: string | undefined }
  | {
      readonly kind: "ssh";
      readonly address: string;
      readonly tunnel: Tunnel;
      readonly actor: string;
      readonly token?: string | undefined;
    }
  | { readonly kind: "unknown"; readonly server: string; readonly cause: BelayError };

const answerWithinMs = 30_000;
const packWithinMs = 900_000;
/** Failures after which the same question may be asked again: the control plane is being started anew. */
const passingCodes: ReadonlySet<string> = new Set([
  "BELAY_CLI_NOT_RUNNING",
  "BELAY_CLI_CONNECTION_LOST",
  "BELAY_LINK_BROKEN",
  "BELAY_SSH_UNREACHABLE",
]);

export function isPassing(error: unknown): boolean {
  return error instanceof BelayError && passingCodes.has(error.code);
}

export function createClient(target: ClientTarget, signal: AbortSignal): Client {
  const dispatcher = new Agent({ connect: connectorOf(target), headersTimeout: answerWithinMs, bodyTimeout: answerWithinMs });
  const http = new ApiConnection({ target, dispatcher, signal });
  return {
    address: nameOf(target),
    status: () => http.get<StatusView>("/status"),
    knownCommits: async () => (await http.get<{ readonly commits: readonly string[] }>("/repository/commits")).commits,
    sendPack: async ({ commit, shallow, pack }) => {
      const headers = { "content-type": "application/octet-stream", "belay-commit": commit, "belay-shallow": shallow.join(" ") };
      await http.ask({ method: "POST", path: "/repository/packs", headers, body: Readable.from(pack), withinMs: packWithinMs });
    },
    sendBundle: async ({ sha256, bundle }) => {
      const headers = { "content-type": "application/octet-stream", "belay-bundle": sha256 };
      await http.ask({ method: "POST", path: "/bundles", headers, body: Readable.from(bundle), withinMs: packWithinMs });
    },
    deploy: (body) => http.post<StartedDeploy>("/deployments", body),
    plan: (body) => http.post<PlannedView>("/deployments/plan", body),
    policies: async () => (await http.get<{ readonly pinned: readonly PinnedPolicyView[] }>("/policy")).pinned,
    pinPolicy: (body) => http.post<PinnedPolicyView>("/policy", body),
    clearPolicy: async (body) => void (await http.post<object>("/policy/clear", body)),
    rules: (of) => http.get<RulesView>(`${pathOf(of)}/policy`),
    releaseConfig: (of, body) => http.post<StartedDeploy>(`${pathOf(of)}/config`, body),
    secrets: async (of) => (await http.get<Secrets>(`${pathOf(of)}/secrets`)).secrets,
    setSecrets: async (of, values) => (await http.post<Secrets>(`${pathOf(of)}/secrets`, { values })).secrets,
    unsetSecret: async (of, name) => (await http.post<Secrets>(`${pathOf(of)}/secrets/unset`, { name })).secrets,
    config: (of, release) =>
      http.get<ConfigView>(`${pathOf(of)}/config${release === undefined ? "" : `?release=${encodeURIComponent(release)}`}`),
    command: (verb, of, body) => http.post<Started>(`${pathOf(of)}/${verb}`, body),
    setMaintenance: (of, body) => http.post<{ readonly position: number }>(`${pathOf(of)}/maintenance`, body),
    preview: (of, body) => http.post<PreviewLink>(`${pathOf(of)}/previews`, body),
    rotatePreviewKeys: (body) =>
      http.post<{ readonly keys: readonly string[]; readonly position: number }>("/preview-keys", body),
    planAhead: (of, body) => http.post<PlanView>(`${pathOf(of)}/plan`, body),
    slo: (of) => http.get<SloView>(`${pathOf(of)}/slo`),
    paths: (of) => http.get<PathsView>(`${pathOf(of)}/paths`),
    approval: (id) => http.get<ApprovalView>(`/rollouts/${encodeURIComponent(id)}/approval`),
    approve: (id, body) => http.post<ApprovedView>(`/rollouts/${encodeURIComponent(id)}/approvals`, body),
    review: (id, body) => http.post<Started>(`/rollouts/${encodeURIComponent(id)}/review`, body),
    override: (of, body) => http.post<Started>(`${pathOf(of)}/override`, body),
    tokens: async () => (await http.get<Tokens>("/tokens")).tokens,
    createToken: (body) => http.post<{ readonly secret: string; readonly token: TokenView }>("/tokens", body),
    revokeToken: async (token) => (await http.post<{ readonly revoked: readonly string[] }>("/tokens/revoke", { token })).revoked,
    mapToken: async (body) => (await http.post<Tokens>("/tokens/map", body)).tokens,
    rollout: (id) => http.get<RolloutView>(`/rollouts/${encodeURIComponent(id)}`),
    entries: async ({ after, limit, rollout }) => {
      const of = rollout === undefined ? "" : `&rollout=${encodeURIComponent(rollout)}`;
      return (await http.get<{ readonly entries: readonly ChainedEntry[] }>(`/entries?after=${after}&limit=${limit}${of}`))
        .entries;
    },
    checkpoint: () => http.get<Checkpoint>("/checkpoint"),
    startRun: (of, body) => http.post<{ readonly run: string }>(`${pathOf(of)}/runs`, body),
    stopRun: async (of, run) => void (await http.post(`${pathOf(of)}/runs/${encodeURIComponent(run)}/stop`, {})),
    run: (of, run, cursor) => {
      const query = cursor === undefined ? "" : `?cursor=${encodeURIComponent(cursor)}`;
      return http.get<RunView>(`${pathOf(of)}/runs/${encodeURIComponent(run)}${query}`);
    },
    logs: ({ lines, release, task, process, cursor, ...of }) => {
      const query = new URLSearchParams({ lines: String(lines) });
      if (release !== undefined) query.set("release", release);
      if (task !== undefined) query.set("task", task);
      if (process !== undefined) query.set("process", process);
      if (cursor !== undefined) query.set("cursor", cursor);
      return http.get<LogsView>(`${pathOf(of)}/logs?${query}`);
    },
    close: async () => {
      await dispatcher.close();
      if (target.kind === "ssh") await target.tunnel.close();
    },
  };
}

interface Tokens {
  readonly tokens: readonly TokenView[];
}

interface Secrets {
  readonly secrets: readonly SecretView[];
}

function pathOf({ environment, service }: ServiceName): string {
  return `/services/${encodeURIComponent(environment)}/${encodeURIComponent(service)}`;
}

function nameOf(target: ClientTarget): string {
  switch (target.kind) {
    case "socket":
      return target.dataFolder;
    case "url":
      return target.url;
    case "ssh":
      return target.address;
    case "unknown":
      return target.server;
  }
}

/** A connector for undici. Behind ssh each connection asks for the tunnel, so that one that broke is opened again. */
function connectorOf(
  target: ClientTarget,
): buildConnector.connector | { readonly timeout: number; readonly socketPath?: string } {
  const timeout = 10_000;
  if (target.kind === "socket") return { socketPath: target.path, timeout };
  if (target.kind !== "ssh") return { timeout };
  return (options, callback) => {
    target.tunnel.socketPath().then(
      (socketPath) => buildConnector({ socketPath, timeout })(options, callback),
      (cause: unknown) => callback(cause as Error, null),
    );
  };
}

/** Every entry from the start of the log, page by page. */
export async function readAllEntries(client: Pick<Client, "entries">, rollout?: string): Promise<readonly ChainedEntry[]> {
  const limit = 1000;
  const all: ChainedEntry[] = [];
  for (;;) {
    const after = all.at(-1)?.entry.position ?? 0;
    const page = await client.entries({ after, limit, ...(rollout === undefined ? {} : { rollout }) });
    all.push(...page);
    if (page.length < limit) return all;
  }
}

interface Question {
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Readable;
  readonly withinMs?: number;
}

class ApiConnection {
  readonly #target: ClientTarget;
  readonly #dispatcher: Dispatcher;
  readonly #signal: AbortSignal;

  constructor(options: { readonly target: ClientTarget; readonly dispatcher: Dispatcher; readonly signal: AbortSignal }) {
    this.#target = options.target;
    this.#dispatcher = options.dispatcher;
    this.#signal = options.signal;
  }

  async get<Answer>(path: string): Promise<Answer> {
    return JSON.parse(await this.ask({ method: "GET", path })) as Answer;
  }

  async post<Answer>(path: string, body: object): Promise<Answer> {
    const headers = { "content-type": "application/json" };
    return JSON.parse(await this.ask({ method: "POST", path, headers, body: JSON.stringify(body) })) as Answer;
  }

  /** The answer's text; throws the API's own error for any status but 2xx. */
  async ask({ method, path, headers, body, withinMs }: Question): Promise<string> {
    if (this.#target.kind === "unknown") throw this.#target.cause;
    let answer: { readonly statusCode: number; readonly text: string };
    try {
      const { statusCode, body: stream } = await request(`${this.#base()}/api/v1${path}`, {
        dispatcher: this.#dispatcher,
        signal: this.#signal,
        method,
        headers: { ...headers, ...this.#identity() },
        ...(body === undefined ? {} : { body }),
        ...(withinMs === undefined ? {} : { headersTimeout: withinMs }),
      });
      answer = { statusCode, text: await stream.text() };
    } catch (cause) {
      throw this.#explain(cause);
    }
    if (answer.statusCode >= 200 && answer.statusCode < 300) return answer.text;
    throw parseRefusal(answer);
  }

  #base(): string {
    return this.#target.kind === "url" ? this.#target.url : "http://belay";
  }

  #identity(): Readonly<Record<string, string>> {
    if (this.#target.kind === "unknown") return {};
    const { token } = this.#target;
    // What could be no token at all is no header either; on a socket nobody asks for one.
    const isToken = token !== undefined && (this.#target.kind === "url" || /^[\w.~+/=-]{1,500}$/.test(token));
    const own = isToken ? { authorization: `Bearer ${token}` } : {};
    return this.#target.kind === "url" ? own : { "belay-actor": this.#target.actor, ...own };
  }

  /** Translates what went wrong on the way. What a pack's own source threw, and what an interruption threw, passes as it is. */
  #explain(cause: unknown): unknown {
    if (cause instanceof BelayError || this.#signal.aborted) return cause;
    const code = typeof cause === "object" && cause !== null && "code" in cause ? String(cause.code) : "";
    const where = `${this.#target.kind === "socket" ? "in" : "at"} ${nameOf(this.#target)}`;
    if (code === "ECONNREFUSED" || code === "ENOENT") {
      const next =
        this.#target.kind === "socket"
          ? "Run `belay up`, or name the data folder of a Belay that runs with --data or BELAY_DATA."
          : "Check the address, and that `belay up --api <host:port>` was run there.";
      return new BelayError({ code: "BELAY_CLI_NOT_RUNNING", message: `no Belay answers ${where}`, next, cause });
    }
    if (code === "EACCES" || code === "EPERM") {
      const next = "Run the command as the user who ran `belay up`.";
      return new BelayError({
        code: "BELAY_CLI_NO_PERMISSION",
        message: `this user may not talk to the Belay ${where}`,
        next,
        cause,
      });
    }
    if (code === "" || code.startsWith("ERR_INVALID")) return cause;
    return new BelayError({
      code: "BELAY_CLI_CONNECTION_LOST",
      message: `the connection to the control plane ${where} broke (${code})`,
      next: "Try again in some seconds; a control plane that ended is started anew by itself.",
      cause,
    });
  }
}

function parseRefusal({ statusCode, text }: { readonly statusCode: number; readonly text: string }): BelayError {
  const unreadable = new BelayError({
    code: "BELAY_CLI_ANSWER_UNREADABLE",
    message: `the control plane answered ${statusCode} without saying why`,
    next: "Check that the address is Belay's API and that both are of the same version.",
  });
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    return unreadable;
  }
  if (typeof body !== "object" || body === null || !("code" in body) || !("message" in body) || !("next" in body))
    return unreadable;
  const { code, message, next } = body;
  if (typeof code !== "string" || !code.startsWith("BELAY_")) return unreadable;
  return new BelayError({ code: code as BelayError["code"], message: String(message), next: String(next) });
}
