import assert from "node:assert/strict";
import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { Agent, request } from "undici";
import { apiSocketPath } from "../../src/api/serve-api.ts";
import type { ServiceView, StatusView } from "../../src/control/control-plane.ts";
import type { RolloutView } from "../../src/control/rollout-view.ts";
import type { ChainedEntry } from "../../src/ledger/ledger.ts";
import type { Entry, Fact } from "../../src/rollout/entry.ts";
import { type Crowd, type CrowdOptions, openVisitors } from "../visitors/visitors.ts";
import { type CommandOptions, type CommandResult, jsonOf, type Place, placeIn, runBelay } from "./belay-command.ts";
import { findProcesses, killAll } from "./belay-processes.ts";
import { linkProgram } from "./program-copy.ts";
import { createShopRepository, type ShopPlan, type ShopRepository, shopHost } from "./shop-repository.ts";
import { waitFor } from "./wait.ts";

/** One Belay of its own in a temporary folder, and the commands of its user. */
export class Scene implements AsyncDisposable {
  readonly place: Place;
  readonly #sharesProgram: boolean;
  readonly #api: Agent;
  readonly #crowds: Crowd[] = [];

  /** With `sharesProgram` its first `up` finds the program where it would have copied it; see `linkProgram`. */
  constructor(place: Place, { sharesProgram = false }: { readonly sharesProgram?: boolean } = {}) {
    this.place = place;
    this.#sharesProgram = sharesProgram;
    this.#api = new Agent({
      connect: { socketPath: apiSocketPath(place.dataFolder) },
      headersTimeout: 5_000,
    });
  }

  belay(words: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
    return runBelay(this.place, words, options);
  }

  /** Runs a command that must end with `code`; what it wrote is in the failure. */
  async expectBelay(words: readonly string[], options: CommandOptions & { readonly code?: number } = {}): Promise<CommandResult> {
    const result = await this.belay(words, options);
    assert.equal(
      result.code,
      options.code ?? 0,
      `belay ${words.join(" ")} ended with ${result.code}:\n${result.stdout}${result.stderr}`,
    );
    return result;
  }

  up(words: readonly string[] = [], options: CommandOptions = {}): Promise<CommandResult> {
    if (this.#sharesProgram) linkProgram(this.place);
    return this.expectBelay(["up", "--listen", "127.0.0.1:0", "--detach", ...words], options);
  }

  /** Makes a person who may use Belay; the environment in which commands are theirs. */
  async person(
    name: string,
    role: "approver" | "viewer",
    ...words: readonly string[]
  ): Promise<{ readonly BELAY_TOKEN: string }> {
    const made = jsonOf(await this.expectBelay(["token", "create", name, "--role", role, "--json", ...words]));
    return { BELAY_TOKEN: (made as { readonly secret: string }).secret };
  }

  async status(): Promise<StatusView> {
    return jsonOf(await this.expectBelay(["status", "--json"])) as StatusView;
  }

  /** Where visitors come in. */
  async baseUrl(): Promise<string> {
    return `http://${(await this.status()).addresses["http"]}`;
  }

  /** Deploys the repository's head and follows the rollout to its end. */
  async deploy(
    repository: Pick<ShopRepository, "folder">,
    options: { readonly words?: readonly string[]; readonly code?: number } = {},
  ): Promise<RolloutView> {
    const { words = [], code = 0 } = options;
    return jsonOf(await this.expectBelay(["deploy", "--json", ...words], { cwd: repository.folder, code })) as RolloutView;
  }

  async serviceStatus(name: string): Promise<ServiceView> {
    const found = (await this.status()).services.find(({ service }) => service === name);
    assert.ok(found !== undefined, `status shows no service called ${name}`);
    return found;
  }

  shopStatus(): Promise<ServiceView> {
    return this.serviceStatus("shop");
  }

  /**
   * As `status`, asked of the API itself: for asking again and again, which by commands would take half a core from what is waited for.
   * Rejects while the control plane is away.
   */
  async look(): Promise<StatusView> {
    const response = await request("http://belay/api/v1/status", { dispatcher: this.#api });
    assert.equal(response.statusCode, 200);
    return (await response.body.json()) as StatusView;
  }

  /** Waits until the shop's rollout stands as wanted. */
  waitForRollout(what: string, isReached: (rollout: RolloutView) => boolean): Promise<RolloutView> {
    const ask = async () => {
      const shop = (await this.look()).services.find(({ service }) => service === "shop");
      const rollout = shop?.rollout ?? null;
      return rollout !== null && isReached(rollout) ? rollout : undefined;
    };
    return waitFor(what, ask);
  }

  /**
   * Waits until every worker serves the table of the rollout's last entry of this kind: what `status` shows as decided has reached
   * the workers only a moment later, and one of them before the other.
   */
  async waitForWorkers(rollout: string, kind: Fact["kind"]): Promise<void> {
    const epoch = (await this.entries(rollout)).findLast(({ fact }) => fact.kind === kind)?.position;
    assert.ok(epoch !== undefined, `${rollout} has no ${kind}`);
    await waitFor(`every worker serves what follows from ${kind}`, async () => {
      const { workers } = await this.look();
      return workers.length > 0 && workers.every((worker) => worker.isConnected && worker.epoch >= epoch);
    });
  }

  /** The entries of one rollout, in order. */
  async entries(rollout: string): Promise<readonly Entry[]> {
    const chained = jsonOf(await this.expectBelay(["history", "--json", "--rollout", rollout])) as readonly ChainedEntry[];
    return chained.map(({ entry }) => entry);
  }

  async facts(rollout: string): Promise<readonly Fact[]> {
    return (await this.entries(rollout)).map(({ fact }) => fact);
  }

  async openVisitors(options: Partial<CrowdOptions> = {}): Promise<Crowd> {
    const baseUrl = await this.baseUrl();
    const crowd = openVisitors({ baseUrl, hostHeader: shopHost, seed: 1, visitorsPerSecond: 20, ...options });
    this.#crowds.push(crowd);
    return crowd;
  }

  /** Stops everything and removes the folder, whatever state it is in. */
  async [Symbol.asyncDispose](): Promise<void> {
    killAll(this.place.dataFolder);
    // After a failed test they still wait at the door, and would keep the process alive.
    await Promise.all(this.#crowds.map((crowd) => crowd.stop()));
    await this.#api.destroy();
    assert.deepEqual(findProcesses(this.place.dataFolder), []);
    rmSync(this.place.folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  }
}

/** Makes the folder; nothing runs yet. */
export function createScene(programFolder?: string): Scene {
  return new Scene(newPlace(programFolder));
}

/** A scene that is cleared when the test ends, passed or not. One with a program of its own is about how that comes up. */
export function openScene(t: Pick<TestContext, "after">, programFolder?: string): Scene {
  const scene = new Scene(newPlace(programFolder), { sharesProgram: programFolder === undefined });
  t.after(() => scene[Symbol.asyncDispose]());
  return scene;
}

function newPlace(programFolder: string | undefined): Place {
  return placeIn(realpathSync(mkdtempSync(join(tmpdir(), "belay-e2e-"))), programFolder);
}

/** A scene in which the shop's first release serves everyone. */
export async function openShopScene(
  t: Pick<TestContext, "after">,
  plan: ShopPlan = {},
  programFolder?: string,
): Promise<ShopScene> {
  return setUpShop(openScene(t, programFolder), plan);
}

export interface ShopScene {
  readonly scene: Scene;
  readonly repository: ShopRepository;
}

/** Brings Belay up and deploys the shop's first release. */
export async function setUpShop(scene: Scene, plan: ShopPlan = {}): Promise<ShopScene> {
  const repository = await createShopRepository(join(scene.place.folder, "shop"), plan);
  await scene.up();
  const first = await scene.deploy(repository);
  assert.equal(first.outcome, "promoted", JSON.stringify(first));
  return { scene, repository };
}
