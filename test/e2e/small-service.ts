import { join } from "node:path";
import type { Scene } from "./scene.ts";
import { createRepository, type ShopRepository } from "./shop-repository.ts";

export interface SmallService {
  readonly name: string;
  /** The whole program, in CommonJS. */
  readonly server: string;
  /** More lines for the map `run`. */
  readonly run?: Readonly<Record<string, string>>;
  readonly rollout?: Readonly<Record<string, string>>;
  readonly build?: string;
  /** By default the service's own, `<name>.example.com`. */
  readonly host?: string;
}

/** A repository with a service of one file, for tests that need one with a property that the shop has not. */
export async function createSmallService(scene: Scene, service: SmallService): Promise<Omit<ShopRepository, "commitRelease">> {
  const repository = await createRepository(join(scene.place.folder, service.name));
  await repository.commitFile("server.js", service.server);
  await repository.commitFile("belay.yml", manifestOf(service));
  return repository;
}

function manifestOf({ name, run = {}, rollout = {}, build, host = `${name}.example.com` }: SmallService): string {
  return `version: 1
service: ${name}
expose: all
run: ${flow({ command: "node server.js", health: "/", ...run })}
${build === undefined ? "" : `release: { build: ${JSON.stringify(build)} }\n`}environments:
  production: { routes: [{ host: ${JSON.stringify(host)} }] }
rollout: ${flow({ bake: "1s", ...rollout })}
`;
}

function flow(map: Readonly<Record<string, string>>): string {
  return `{ ${Object.entries(map)
    .map(([key, value]) => `${key}: ${value}`)
    .join(", ")} }`;
}
