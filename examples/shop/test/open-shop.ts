import { spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const shopFolder = join(import.meta.dirname, "..");

export interface RunningShop {
  readonly baseUrl: string;
  readonly pid: number;
  /** Sends SIGTERM and returns the exit code. */
  close(): Promise<number | null>;
}

/** Starts one instance of the shop, without Belay. With `release` it runs that release.json instead of its own. */
export async function openShop(options: { readonly database: string; readonly release?: object }): Promise<RunningShop> {
  const folder = mkdtempSync(join(tmpdir(), "shop-"));
  cpSync(shopFolder, folder, { recursive: true, filter: (source) => !/\/(?:test|releases)$/.test(source) });
  if (options.release !== undefined) writeFileSync(join(folder, "release.json"), JSON.stringify(options.release));
  const shop = spawn(process.execPath, ["server.js", "--database", options.database], {
    cwd: folder,
    env: { PORT: "0", HOST: "127.0.0.1" },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [line] = (await once(shop.stdout.setEncoding("utf8"), "data")) as [string];
  return {
    baseUrl: `http://127.0.0.1:${/:(\d+)/.exec(line)?.[1]}`,
    pid: shop.pid ?? 0,
    async close() {
      const ended = once(shop, "exit");
      shop.kill("SIGTERM");
      const [code] = (await ended) as [number | null];
      rmSync(folder, { recursive: true, force: true });
      return code;
    },
  };
}
