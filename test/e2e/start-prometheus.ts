import { spawn } from "node:child_process";
import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { request } from "undici";
import { findFreePort } from "../../src/ports/free-port.ts";
import { createSystemRandom } from "../../src/ports/random.ts";
import type { Scene } from "./scene.ts";
import { waitFor } from "./wait.ts";

export const examples: string = join(import.meta.dirname, "../../examples/prometheus");

export interface Answer {
  readonly status: string;
  readonly error?: string;
  readonly data?: { readonly result: readonly { readonly value: readonly [number, string] }[] };
}

export interface Rules {
  readonly groups: readonly { readonly rules: readonly { readonly health: string }[] }[];
}

export interface RunningPrometheus {
  readonly url: string;
  ask(question: string): Promise<Answer>;
  until(question: string, wanted: number): Promise<unknown>;
  rules(): Promise<Rules>;
  kill(): Promise<unknown>;
}

/** Debian's Prometheus with an example's configuration, hurried and pointed at this Belay. It ends with the test. */
export async function startPrometheus(
  t: TestContext,
  scene: Scene,
  { metrics, config: file = "prometheus.yml" }: { readonly metrics: string; readonly config?: string },
): Promise<RunningPrometheus> {
  const folder = join(scene.place.folder, "prometheus");
  cpSync(examples, folder, { recursive: true });
  const config = readFileSync(join(examples, file), "utf8");
  const hurried = config
    .replace("scrape_interval: 15s", "scrape_interval: 500ms\n  scrape_timeout: 500ms\n  evaluation_interval: 1s")
    .replace("refresh_interval: 5s", "refresh_interval: 1s")
    .replaceAll("127.0.0.1:9464", metrics);
  writeFileSync(join(folder, "prometheus.yml"), hurried);
  const port = await findFreePort({ host: "127.0.0.1", taken: new Set(), random: createSystemRandom() });
  const child = spawn(
    "prometheus",
    ["--config.file=prometheus.yml", `--storage.tsdb.path=${join(folder, "data")}`, `--web.listen-address=127.0.0.1:${port}`],
    { cwd: folder, stdio: "ignore" },
  );
  const ended = new Promise((resolve) => child.once("exit", resolve));
  const end = () => {
    child.kill("SIGKILL");
    return ended;
  };
  t.after(end);
  const get = async (path: string) => (await request(`http://127.0.0.1:${port}/api/v1/${path}`)).body.json();
  const ask = async (question: string) => (await get(`query?query=${encodeURIComponent(question)}`)) as Answer;
  return {
    url: `http://127.0.0.1:${port}`,
    kill: end,
    ask,
    until: (question: string, wanted: number) =>
      waitFor(`${question} is ${wanted}`, async () => {
        const values = (await ask(question)).data?.result.map(({ value }) => Number(value[1])) ?? [];
        if (values.length > 0 && values.every((value) => value === wanted)) return true;
        throw new Error(`it is ${values.join(", ")}`);
      }),
    rules: () =>
      waitFor("the rules were evaluated", async () => {
        const { data } = (await get("rules")) as { readonly data: Rules };
        return (
          data.groups.length > 0 && data.groups.every(({ rules }) => rules.every(({ health }) => health !== "unknown")) && data
        );
      }),
  };
}
