import assert from "node:assert/strict";
import { cpSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { RolloutView } from "../../src/control/rollout-view.ts";
import { jsonOf } from "./belay-command.ts";
import { getPage } from "./get-page.ts";
import { openScene } from "./scene.ts";
import { createRepository } from "./shop-repository.ts";

interface Changed {
  readonly services: readonly {
    readonly service: string;
    readonly root: string;
    readonly isChanged: boolean;
    readonly why: string;
    readonly rollout: RolloutView | null;
  }[];
}

const example = join(import.meta.dirname, "../../examples/monorepo");
const quick = "rollout: { steps: [{ weight: 50%, minHold: 100ms }], maxHold: 200ms, onInconclusive: continue, bake: 100ms }\n";

// Goal: in a repository with several services those that have changed are deployed, and no other.
// Method: the example, and one commit after the other.
test("--changed deploys the services whose folder or watched files have changed, and says why for each", async (t) => {
  const scene = openScene(t);
  const repository = await createRepository(join(scene.place.folder, "mono"));
  cpSync(example, repository.folder, { recursive: true });
  for (const service of ["api", "web"]) {
    await repository.commitFile(`${service}/belay.yml`, readFileSync(join(example, service, "belay.yml"), "utf8") + quick);
  }
  await scene.up();
  const deployChanged = async (words: readonly string[] = [], code = 0, folder = ".") => {
    const result = await scene.expectBelay(["deploy", "--changed", "--json", ...words], {
      cwd: join(repository.folder, folder),
      code,
    });
    const { services } = jsonOf(result) as Changed;
    return services.map(({ service, isChanged, why, rollout }) => ({
      service,
      isChanged,
      why,
      outcome: rollout?.outcome ?? null,
    }));
  };
  const outcomes = (services: Awaited<ReturnType<typeof deployChanged>>) =>
    Object.fromEntries(services.map(({ service, outcome }) => [service, outcome]));

  assert.deepEqual(outcomes(await deployChanged()), { api: "promoted", web: "promoted" });
  assert.equal((await getPage(await scene.baseUrl(), "mono.example.com")).text, "Hello from the web\n");

  assert.deepEqual(outcomes(await deployChanged()), { api: null, web: null });
  await repository.commitFile("README.md", "of neither\n");
  assert.deepEqual(outcomes(await deployChanged()), { api: null, web: null });

  await repository.commitFile("web/notes.md", "of the web\n");
  const web = await deployChanged();
  assert.deepEqual(outcomes(web), { api: null, web: "promoted" });
  assert.match(web[0]?.why ?? "", /left alone: nothing of it has changed since/);
  assert.match(web[1]?.why ?? "", /to be deployed: web\/notes.md changed since/);

  await repository.commitFile("shared/greet.js", "exports.greet = (name) => 'Good day from the ' + name + '\\n';\n");
  assert.deepEqual(outcomes(await deployChanged([], 0, "api")), { api: "promoted" }, "below a folder only that folder's");
  const rest = await deployChanged();
  assert.deepEqual(outcomes(rest), { api: null, web: "promoted" });
  assert.match(rest[1]?.why ?? "", /shared\/greet.js changed/);
  assert.equal((await getPage(`${await scene.baseUrl()}/api/x`, "mono.example.com")).text, "Good day from the API\n");

  // A broken manifest keeps nobody else from the way, and takes no route away.
  await repository.commitFile("api/belay.yml", "version: 1\nservice: api\nenvironments: oops\n");
  await repository.commitFile("web/notes.md", "of the web again\n");
  const broken = await deployChanged([], 1);
  assert.deepEqual(
    broken.map(({ outcome }) => outcome),
    [null, "promoted"],
  );
  assert.match(broken[0]?.why ?? "", /not deployed: the manifest has .*api\/belay.yml:/s);
  assert.equal((await getPage(`${await scene.baseUrl()}/api/x`, "mono.example.com")).text, "Good day from the API\n");
});
