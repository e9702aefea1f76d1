import { execFile } from "node:child_process";
import { cpSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);
const shopFolder = join(import.meta.dirname, "../../examples/shop");

export const shopHost = "shop.example.com";

export interface ShopPlan {
  readonly steps?: string;
  readonly harm?: string;
  readonly scoreWindow?: string;
  readonly bake?: string;
  readonly keepWarm?: string;
  readonly lease?: string;
  readonly maxHold?: string;
  readonly onInconclusive?: string;
  readonly instances?: number;
  /** The map `checks` of the manifest. */
  readonly checks?: string;
}

/** A git repository with the shop, as its team would have it. */
export interface ShopRepository {
  readonly folder: string;
  /** Commits the shop with another `release.json`: one of examples/shop/releases by name, or any. Returns the commit. */
  commitRelease(release: string | object): Promise<string>;
  /** Writes and commits any file of it. */
  commitFile(name: string, content: string): Promise<string>;
  /** Commits the files of an earlier commit again, and no others. */
  commitAgain(commit: string): Promise<string>;
}

/** The manifest of the demo: steps of 5, 25 and 50 %, 2 % of harm. */
export function shopManifest(database: string, plan: ShopPlan = {}): string {
  const rollout = {
    steps: "[{ weight: 5%, minHold: 2s }, { weight: 25%, minHold: 2s }, { weight: 50%, minHold: 2s }]",
    harm: "2%",
    scoreWindow: "3s",
    bake: "8s",
    keepWarm: "30m",
    ...plan,
  };
  const { instances = 2, checks = "{}", ...lines } = rollout;
  return `version: 1
service: shop
run: { command: node server.js --database ${database}, health: /healthz, instances: ${instances} }
environments:
  production: { routes: [{ host: ${shopHost} }] }
expose: all
checks: ${checks}
rollout:
${Object.entries(lines)
  .map(([key, value]) => `  ${key}: ${value}`)
  .join("\n")}
`;
}

/** Makes the repository in `folder`; its database lies beside it. */
export async function createShopRepository(folder: string, plan: ShopPlan = {}): Promise<ShopRepository> {
  const repository = await createRepository(folder);
  cpSync(shopFolder, folder, { recursive: true, filter: (source) => !/\/(?:test|releases)$/.test(source) });
  await repository.commitFile("belay.yml", shopManifest(`${folder}.db`, plan));
  return {
    ...repository,
    commitRelease(release) {
      if (typeof release !== "string") return repository.commitFile("release.json", JSON.stringify(release));
      cpSync(join(shopFolder, "releases", release), folder, { recursive: true });
      return commitAll(folder, `release ${release}`);
    },
  };
}

/** An empty git repository. */
export async function createRepository(folder: string): Promise<Omit<ShopRepository, "commitRelease">> {
  mkdirSync(folder, { recursive: true });
  await git(folder, "init", "--quiet", "--initial-branch=main");
  return {
    folder,
    commitFile(name, content) {
      writeFileSync(join(folder, name), content);
      return commitAll(folder, `change ${name}`);
    },
    async commitAgain(commit) {
      await git(folder, "read-tree", "-u", "--reset", commit);
      return commitAll(folder, `as in ${commit.slice(0, 12)}`);
    },
  };
}

async function commitAll(folder: string, message: string): Promise<string> {
  await git(folder, "add", "--all");
  await git(folder, "commit", "--quiet", "--allow-empty", "--message", message);
  return (await git(folder, "rev-parse", "HEAD")).trim();
}

/** The author is named here and nowhere else, so that no configuration of the user is needed or touched. */
async function git(folder: string, ...words: readonly string[]): Promise<string> {
  const author = ["-c", "user.name=Shop Team", "-c", "user.email=team@shop.example.com", "-c", "commit.gpgsign=false"];
  const { stdout } = await run("git", [...author, ...words], { cwd: folder });
  return stdout;
}
