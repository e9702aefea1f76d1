import { dirname, join, resolve } from "node:path";
import type { CliIo } from "./cli-io.ts";

type Home = Pick<CliIo, "env" | "user" | "cwd">;

/** The data folder: what was asked for, else /var/lib/belay for root, else the user's own state folder (XDG base directories). */
export function dataFolderOf(home: Home, asked: string | undefined): string {
  const chosen = asked ?? nonEmpty(home.env["BELAY_DATA"]);
  if (chosen !== undefined) return resolve(home.cwd, chosen);
  if (home.user.isRoot) return "/var/lib/belay";
  return join(absolute(home.env["XDG_STATE_HOME"]) ?? join(home.user.home, ".local", "state"), "belay");
}

/** Where this user keeps the checkpoints that it has seen: apart from the data folder, because they bear witness about it. */
export function witnessFolderOf({ env, user }: Pick<Home, "env" | "user">): string {
  return join(absolute(env["XDG_CONFIG_HOME"]) ?? join(user.home, ".config"), "belay", "witness");
}

/** Where this user's names for servers are kept. */
export function remotesFileOf({ env, user }: Pick<Home, "env" | "user">): string {
  return join(dirname(witnessFolderOf({ env, user })), "remotes.json");
}

/** Where this user's compiled copies of Belay's sources are kept, so that a command need not compile them each time. */
export function compiledFolderOf({
  env,
  user,
}: {
  readonly env: CliIo["env"];
  readonly user: { readonly home: string };
}): string {
  return join(absolute(env["XDG_CACHE_HOME"]) ?? join(user.home, ".cache"), "belay", "compiled");
}

function nonEmpty(value: string | undefined): string | undefined {
  return value === undefined || value === "" ? undefined : value;
}

/** The XDG specification: a relative path is to be ignored. */
function absolute(value: string | undefined): string | undefined {
  return value?.startsWith("/") ? value : undefined;
}
