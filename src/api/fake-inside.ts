import type { InstanceLog } from "../control/control-plane.ts";
import type { MetricFamily } from "../control/metric-name.ts";
import { BelayError } from "../errors.ts";
import { silentLog } from "../ports/log.ts";
import type { PinnedPolicy } from "../rollout/pinned-policy.ts";
import type { Actor } from "../rollout/rollout.ts";
import type { OneOff } from "../rollout/task.ts";
import type { ApiInside } from "./api-app.ts";
import { aPlanAhead, aSlo } from "./fake-plans.ts";
import { fakePolicy } from "./fake-policy.ts";
import { aRun } from "./fake-run.ts";
import { anApproval, aRelease, aRollout, aSecret, aStatus, aToken } from "./fake-views.ts";
import type {
  ApprovalView,
  ChainedEntry,
  Checkpoint,
  ConfigView,
  PathsView,
  PlanView,
  RolloutView,
  SecretView,
  SloView,
  StatusView,
  TokenView,
} from "./views.ts";

/** What a fake was asked: the method, the request and by whom. */
export interface Asked {
  readonly method: string;
  readonly request: unknown;
  readonly actor: Actor;
}

/** An inside without a world, for tests of the API and of its clients. Set its fields; read what it was asked. */
export interface FakeInside extends ApiInside {
  readonly asked: Asked[];
  readonly packs: { readonly commit: string; readonly shallow: readonly string[]; readonly bytes: number }[];
  readonly bundles: { readonly sha256: string; readonly bytes: number }[];
  status: StatusView;
  metrics: readonly MetricFamily[];
  /** Answers of successive looks at a rollout; the last one stays. */
  rollouts: RolloutView[];
  entries: readonly ChainedEntry[];
  checkpoint: Checkpoint;
  logFiles: readonly InstanceLog[];
  secrets: readonly SecretView[];
  config: ConfigView;
  /** Answers of successive looks at a command that runs once; the last one stays. */
  runs: OneOff[];
  /** Where its output lies. */
  runFile: string;
  approval: ApprovalView;
  pinned: readonly PinnedPolicy[];
  slo: SloView;
  paths: PathsView;
  ahead: PlanView;
  tokens: readonly TokenView[];
  /** Tokens that are known, by their secrets. */
  secretTokens: Readonly<Record<string, TokenView>>;
  /** Thrown by the next command. */
  failure: Error | undefined;
}

export function createFakeInside(): FakeInside {
  const asked: Asked[] = [];
  const packs: FakeInside["packs"] = [];
  const bundles: FakeInside["bundles"] = [];
  const command = (method: string) => async (request: unknown, actor: Actor) => {
    asked.push({ method, request, actor });
    if (fake.failure !== undefined) throw fake.failure;
    return { rollout: "shop-20260101-a1b2", forecast: "about 27 s of gates" };
  };
  const fake: FakeInside = {
    asked,
    packs,
    bundles,
    log: silentLog,
    status: aStatus(),
    metrics: [{ name: "belay_ledger_position", samples: [{ labels: {}, value: 7 }] }],
    rollouts: [aRollout()],
    entries: [],
    checkpoint: { log: "log-1", position: 0, hash: "0".repeat(64), at: "2026-01-01T00:00:00Z", publicKey: "", signature: "" },
    logFiles: [],
    secrets: [aSecret()],
    config: {
      release: "r-1a2b",
      version: "0123456789ab",
      resolved: { by: "ada", at: "2026-01-01T00:00:00Z" },
      values: [],
    },
    runs: [aRun()],
    runFile: "/nowhere",
    failure: undefined,
    tokens: [],
    secretTokens: {},
    approval: anApproval(),
    pinned: [],
    slo: aSlo(),
    paths: { service: "shop", environment: "production", watchedMs: 0, paths: [] },
    ahead: aPlanAhead(),
    controlPlane: {
      status: async () => fake.status,
      metrics: () => fake.metrics,
      scrapeTargets: () => [
        {
          targets: ["127.0.0.1:20001"],
          labels: { instance: "shop.production.shop-1a.0", service: "shop", environment: "production", release: "shop-1a" },
        },
      ],
      deploy: async (request, actor) => ({ ...(await command("deploy")(request, actor)), judgement: null }),
      ...fakePolicy({ asked, pinned: () => fake.pinned }),
      promote: command("promote"),
      abort: command("abort"),
      pause: command("pause"),
      resume: command("resume"),
      rollback: command("rollback"),
      setMaintenance: async (request, actor) => {
        asked.push({ method: "setMaintenance", request, actor });
        return { position: 7 };
      },
      startRun: async (request, actor) => {
        asked.push({ method: "startRun", request, actor });
        return { run: aRun().run };
      },
      stopRun: async (request, actor) => {
        asked.push({ method: "stopRun", request, actor });
        return { run: request.run };
      },
      run: async () => {
        const run = fake.runs.length > 1 ? fake.runs.shift() : fake.runs[0];
        return { run: run ?? aRun(), file: fake.runFile };
      },
      preview: async (request, actor) => {
        asked.push({ method: "preview", request, actor });
        if (fake.failure !== undefined) throw fake.failure;
        const target = "/.belay/preview?link=k1.payload.signature";
        const redeemBefore = "2026-01-01T01:00:00Z";
        return {
          release: "r-2b3c",
          host: "shop.example.com",
          target,
          redeemBefore,
          lastsSeconds: request.lastsSeconds,
          position: 7,
        };
      },
      rotatePreviewKeys: async (request, actor) => {
        asked.push({ method: "rotatePreviewKeys", request, actor });
        return { keys: ["k2", "k1"], position: 7 };
      },
      rollout: async (id) => {
        const view = fake.rollouts.length > 1 ? fake.rollouts.shift() : fake.rollouts[0];
        if (view?.rollout === id) return view;
        throw new BelayError({
          code: "BELAY_ROLLOUT_UNKNOWN",
          message: `there is no rollout ${id}`,
          next: "Run `belay history`.",
        });
      },
      history: ({ afterPosition, limit, rollout }) =>
        fake.entries
          .filter(({ entry }) => entry.position > afterPosition && (rollout === undefined || entry.rollout === rollout))
          .slice(0, limit),
      checkpoint: () => fake.checkpoint,
      logFiles: async ({ release }) => {
        const own = fake.logFiles.filter((file) => release === undefined || file.release === release);
        if (release === undefined || own.length > 0 || fake.status.services.some(({ stable }) => stable?.id === release))
          return own;
        throw new BelayError({ code: "BELAY_RELEASE_UNKNOWN", message: `shop has no release ${release}`, next: "Look." });
      },
      releaseConfig: async (request, actor) => ({ ...(await command("releaseConfig")(request, actor)), judgement: null }),
      setSecrets: async (request, actor) => {
        await command("setSecrets")(request, actor);
        return Object.keys(request.values).map((name) => aSecret({ name }));
      },
      unsetSecret: async (request, actor) => {
        await command("unsetSecret")(request, actor);
        return aSecret({ name: request.name, fingerprint: null });
      },
      listSecrets: async () => fake.secrets,
      slo: async () => fake.slo,
      paths: async () => fake.paths,
      planAhead: async ({ service, environment }) => ({ ...fake.ahead, service, environment }),
      approval: async () => fake.approval,
      approve: async (request, actor) => {
        await command("approve")(request, actor);
        const { supervision } = fake.approval;
        return { rollout: request.rollout, approved: ["environment"], until: "2026-01-02T00:00:00Z", supervision };
      },
      override: command("override"),
      review: command("review"),
      config: async ({ release }) => ({ ...fake.config, release: release ?? fake.config.release }),
    },
    principals: {
      list: () => fake.tokens,
      create: (request, actor) => {
        asked.push({ method: "createToken", request, actor });
        const { name, role, scope, gitEmails } = request;
        return { token: "belay_made", view: aToken({ name, role, scope, gitEmails }) };
      },
      revoke: (idOrName, actor) => {
        asked.push({ method: "revokeToken", request: idOrName, actor });
        return [idOrName];
      },
      map: (name, gitEmails, actor) => void asked.push({ method: "mapToken", request: { name, gitEmails }, actor }),
      find: (candidate) => {
        const token = Object.hasOwn(fake.secretTokens, candidate) ? fake.secretTokens[candidate] : undefined;
        return token === undefined ? { kind: "unknown" } : { kind: token.isExpired ? "expired" : "token", token };
      },
    },
    releases: {
      knownCommits: async () => ["1".repeat(40)],
      receivePack: async ({ commit, shallow, pack }) => {
        let bytes = 0;
        for await (const chunk of pack) bytes += chunk.byteLength;
        packs.push({ commit, shallow, bytes });
      },
      readFile: async () => undefined,
      compareCommits: async () => null,
      receiveBundle: async ({ sha256, bundle }) => {
        let bytes = 0;
        for await (const chunk of bundle) bytes += chunk.byteLength;
        bundles.push({ sha256, bytes });
        return fake.releases.readBundle(sha256);
      },
      readBundle: async (sha256) => ({
        sha256,
        commit: "2".repeat(40),
        isDirty: false,
        root: "",
        manifest: "",
        builtBy: { name: "ci", host: "runner" },
        digest: "3".repeat(64),
        fileCount: 12,
        bytes: 34_567,
      }),
      build: async () => aRelease(),
      show: async () => {
        throw new Error("the API shows no release's files");
      },
      listFiles: () => undefined,
      verifiedFolder: async () => "/nowhere",
    },
  };
  return fake;
}
