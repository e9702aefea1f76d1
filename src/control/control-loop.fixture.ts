import { openConfigs } from "../config/open-configs.ts";
import { createMemoryFiles } from "../config/sealed-files.ts";
import { MemoryLedgerDisk, openMemoryLedger } from "../ledger/memory-ledger.ts";
import { silentLog } from "../ports/log.ts";
import { ManualClock } from "../ports/manual-clock.ts";
import { createSeededRandom } from "../ports/random.ts";
import { createSystemClock } from "../ports/system-clock.ts";
import type { CommitComparison } from "../release/compare-commits.ts";
import type { Fact, RolloutFact } from "../rollout/entry.ts";
import { withConfig } from "../rollout/release-id.ts";
import { ann, plan, releaseNamed } from "../rollout/rollout.builder.ts";
import type { Plan, Release, Rollout } from "../rollout/rollout.ts";
import type { Service } from "../rollout/service.ts";
import type { RoutingTable } from "../routing/table.ts";
import type { WorkerReport, WorkerView } from "../routing/worker-view.ts";
import { MemoryRuntime } from "../runtimes/memory-runtime.ts";
import { ControlLoop, entryOf } from "./control-loop.ts";
import type { ControlPlane } from "./control-plane.ts";
import type { DataPlane } from "./data-plane.ts";
import type { EvidenceSnapshot } from "./evidence-book.ts";
import { openControlPlane } from "./open-control-plane.ts";
import { createMemoryKeyStore, type PreviewKeyStore, PreviewKeys } from "./preview-keys.ts";
import { Previews } from "./previews.ts";
import type { World } from "./world.ts";

/** For one thing alone: to let what was started run. */
const realTime = createSystemClock();

const tickMs = 100;

/** The production loop between one worker that acknowledges at once, a runtime in memory and a ledger that outlives it. */
export class LoopWorld {
  readonly clock: ManualClock = new ManualClock();
  readonly disk: MemoryLedgerDisk = new MemoryLedgerDisk();
  readonly runtime: MemoryRuntime;
  readonly plane: OneWorker = new OneWorker();
  /** What is built of a commit, in place of the release that is named like it. */
  readonly builds: Map<string, () => Promise<Release>> = new Map();
  readonly stored: { evidence: unknown; table: RoutingTable | null } = { evidence: null, table: null };
  /** What the loop is given in place of the port of that name. */
  readonly changes: Partial<World> = {};
  /** belay.yml of every commit. */
  manifest: string | undefined;
  loop: ControlLoop;
  commands: ControlPlane;

  constructor(options: Partial<ConstructorParameters<typeof MemoryRuntime>[0]> = {}) {
    this.runtime = new MemoryRuntime({ clock: this.clock, ...options });
    ({ loop: this.loop, commands: this.commands } = this.#open());
  }

  /** Redeems preview links as the workers do; the control plane's own. */
  previews!: Previews;
  readonly keys: PreviewKeyStore = createMemoryKeyStore();

  #previewsOf(world: World, loop: ControlLoop): Previews {
    const keys = new PreviewKeys({ store: this.keys, random: world.random });
    this.previews = new Previews({ world, loop, keys });
    return this.previews;
  }

  /** What the repository says of the commits of a rollout. */
  comparison: CommitComparison | null = { commits: [], files: [] };

  /** Kills the control plane and starts another one. */
  restart(): void {
    // The dead do nothing more.
    this.loop.close();
    this.disk.killWriter();
    this.plane.forgetListeners();
    ({ loop: this.loop, commands: this.commands } = this.#open());
  }

  /** Time passes, with a tick each 100 ms. */
  async pass(durationMs: number): Promise<void> {
    for (let passedMs = 0; passedMs < durationMs; passedMs += tickMs) {
      this.clock.advance(tickMs);
      await this.loop.tick();
      await realTime.sleep(0);
      this.loop.react();
    }
  }

  /** Asks for a rollout of the release `id`; nothing of it has happened yet. */
  request(id: string, own: Partial<Plan> = {}, environment = "production"): string {
    const rollout = `shop-${environment}-${id}-${this.loop.journal.position}`;
    const { commit } = releaseNamed(id);
    const fact: Fact = {
      kind: "rollout-requested",
      rolloutKind: "deploy",
      commit,
      root: "",
      isDirty: false,
      plan: { ...plan, ...own },
      forecast: "",
    };
    this.#releases.set(commit, releaseNamed(id));
    this.loop.submit([entryOf({ environment, service: "shop", id: rollout }, ann, fact)]);
    return rollout;
  }

  tell(fact: RolloutFact): void {
    this.loop.submit([entryOf(this.rollout, ann, fact)]);
  }

  /** Deploys and sees to it that everybody is served by it, by a person's word. */
  async serve(id: string, own: Partial<Plan> = {}): Promise<void> {
    this.request(id, own);
    await this.pass(1_000);
    if (this.service.stable === id) return;
    this.tell({ kind: "promote-requested", isFull: true, skipsAnalysis: true });
    await this.pass(200);
  }

  serviceIn(environment: string): Service {
    const found = this.loop.journal.deployments.find(environment, "shop");
    if (found === undefined) throw new Error(`nothing was deployed in ${environment}`);
    return found;
  }

  get service(): Service {
    return this.serviceIn("production");
  }

  get rollout(): Rollout {
    if (this.service.rollout === null) throw new Error("nothing was requested yet");
    return this.service.rollout;
  }

  readonly #releases = new Map<string, Release>();

  #open(): { readonly loop: ControlLoop; readonly commands: ControlPlane } {
    const { clock, plane, runtime, stored } = this;
    const ledger = openMemoryLedger({ clock, disk: this.disk });
    const world: World = {
      machineBoot: "boot",
      clock,
      random: createSeededRandom(7 + this.disk.rows.length),
      log: silentLog,
      ledger,
      runtime,
      dataPlane: plane,
      evidence: {
        load: () => stored.evidence,
        save: (snapshot: EvidenceSnapshot) => {
          stored.evidence = structuredClone(snapshot);
        },
      },
      tables: {
        load: () => stored.table,
        save: (table) => {
          stored.table = table;
        },
      },
      readSource: async () => ({ kind: "broken", reason: "no source is played here" }),
      build: async ({ rollout, revision, signal }) => {
        const release = revision === null ? await this.#build(rollout) : withConfig(revision, rollout.config);
        await Promise.resolve();
        signal.throwIfAborted();
        return release;
      },
      checkRunning: async () => ({ results: [], stopping: [] }),
      runningWorkers: async () => [plane.view.pid],
      replaceWorker: async () => {},
      ...this.changes,
    };
    const loop = new ControlLoop(world);
    loop.begin({ boot: "b", program: "test" });
    const commands = openControlPlane({
      world,
      loop,
      ledger,
      previews: this.#previewsOf(world, loop),
      configs: openConfigs({ files: createMemoryFiles(createSeededRandom(0)), clock, runCommand: async () => "" }),
      releases: {
        readFile: async () => this.manifest,
        compareCommits: async () => this.comparison,
        readBundle: async () => {
          throw new Error("no bundle was uploaded");
        },
      },
      program: "test",
      addresses: async () => ({}),
      logFileOf: (instance) => instance,
      loggedInstances: () => [],
    });
    return { loop, commands };
  }

  async #build({ commit, environment }: Rollout): Promise<Release> {
    const own = this.builds.get(commit);
    if (own !== undefined) return own();
    const release = this.#releases.get(commit);
    if (release === undefined) throw new Error(`nobody asked for ${commit}`);
    const routes = environment === "production" ? release.routes : [{ host: `${environment}.example.com`, path: "/" }];
    return { ...release, environment, routes };
  }
}

/** The data plane of one worker. It acknowledges each table at once until it is told not to. */
export class OneWorker implements DataPlane {
  table: RoutingTable | null = null;
  #isAcknowledging = true;
  readonly leases: { readonly epoch: number; readonly ttlMs: number }[] = [];
  /** Settled is what was until now, on the clock of whoever sets it. */
  view: WorkerView = {
    worker: "proxy-1",
    boot: "x",
    pid: 11,
    isConnected: true,
    acknowledgedEpoch: 0,
    brakes: [],
    inFlight: {},
    settledUntilMs: Number.MAX_SAFE_INTEGER,
  };
  #hears: (report: WorkerReport) => void = () => {};

  forgetListeners(): void {
    this.#hears = () => {};
  }

  workers(): readonly WorkerView[] {
    return [this.view];
  }

  publish(table: RoutingTable): void {
    this.table = table;
    this.acknowledge(this.#isAcknowledging);
  }

  acknowledge(isAcknowledging: boolean): void {
    this.#isAcknowledging = isAcknowledging;
    if (isAcknowledging) this.view = { ...this.view, acknowledgedEpoch: this.table?.epoch ?? 0 };
  }

  renewLease(epoch: number, ttlMs: number): void {
    this.leases.push({ epoch, ttlMs });
  }

  onReport(listener: (report: WorkerReport) => void): void {
    this.#hears = listener;
  }

  report(report: WorkerReport): void {
    this.#hears(report);
  }

  keep(_worker: string, _boot: string, _sequence: number): void {}

  onChange(): void {}
}
