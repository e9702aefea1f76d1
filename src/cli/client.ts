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
import type { Random } from "../ports/random.ts";
import { ApiConnection, type ClientTarget, nameOf } from "./api-connection.ts";

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
  deploy(body: Omit<DeployRequest, "requestKey">): Promise<StartedDeploy>;
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

const anUpload = { method: "POST", whenLost: "upload", withinMs: 900_000 } as const;
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

export function createClient(target: ClientTarget, own: { readonly random: Random; readonly signal: AbortSignal }): Client {
  const http = new ApiConnection({ target, ...own });
  return {
    address: nameOf(target),
    status: () => http.get<StatusView>("/status"),
    knownCommits: async () => (await http.get<{ readonly commits: readonly string[] }>("/repository/commits")).commits,
    sendPack: async ({ commit, shallow, pack }) => {
      const headers = { "content-type": "application/octet-stream", "belay-commit": commit, "belay-shallow": shallow.join(" ") };
      await http.ask({ ...anUpload, path: "/repository/packs", headers, body: pack });
    },
    sendBundle: async ({ sha256, bundle }) => {
      const headers = { "content-type": "application/octet-stream", "belay-bundle": sha256 };
      await http.ask({ ...anUpload, path: "/bundles", headers, body: bundle });
    },
    deploy: (body) => http.post<StartedDeploy>("/deployments", body, "keyed"),
    plan: (body) => http.post<PlannedView>("/deployments/plan", body, "harmless"),
    policies: async () => (await http.get<{ readonly pinned: readonly PinnedPolicyView[] }>("/policy")).pinned,
    pinPolicy: (body) => http.post<PinnedPolicyView>("/policy", body),
    clearPolicy: async (body) => void (await http.post<object>("/policy/clear", body)),
    rules: (of) => http.get<RulesView>(`${pathOf(of)}/policy`),
    releaseConfig: (of, body) => http.post<StartedDeploy>(`${pathOf(of)}/config`, body, "keyed"),
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
    planAhead: (of, body) => http.post<PlanView>(`${pathOf(of)}/plan`, body, "harmless"),
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
    close: () => http.close(),
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
