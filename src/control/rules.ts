import { BelayError } from "../errors.ts";
import { judgedBy } from "../manifest/judged-by.ts";
import type { Manifest } from "../manifest/manifest.ts";
import { describeProblems, parseManifest } from "../manifest/parse-manifest.ts";
import { type PolicyRules, parsePolicy, withPinned } from "../manifest/pinned-rules.ts";
import type { Releases } from "../release/releases.ts";
import type { Loosening } from "../rollout/loosening.ts";
import { describeScope, type PinnedPolicy } from "../rollout/pinned-policy.ts";
import { isWithinScope } from "../rollout/principal.ts";
import type { Release } from "../rollout/rollout.ts";
import { manifestSource } from "./bundle-source.ts";

/** Where belay.yml of a release is read, of one that was built elsewhere too. */
export type ManifestFiles = Pick<Releases, "readFile" | "readBundle">;

/** What a release is judged by. */
export interface Rules {
  /** What the release that serves was judged by, as its commit says; null before the first, and when it cannot be read. */
  readonly was: Manifest | null;
  /** Its own manifest with, of every rule, the stricter of what it asks for, what was, and what is pinned. */
  readonly manifest: Manifest;
  readonly loosenings: readonly Loosening[];
}

export interface RulesRequest {
  /** As its commit says. */
  readonly manifest: Manifest;
  readonly environment: string;
  /** The release that serves there; null before the first. */
  readonly stable: Release | null;
  readonly pinned: readonly PinnedPolicy[];
  readonly now: Temporal.Instant;
}

/**
 * Yesterday's rules: those of the release that serves are in the manifest of its own commit, which cannot be changed any more. What
 * it asked for itself and did not get is in there too, so that it counts from the next rollout on.
 */
export async function rulesFor(files: ManifestFiles, request: RulesRequest): Promise<Rules> {
  const { manifest, environment, stable, pinned, now } = request;
  const was = stable === null ? null : await manifestOfRelease(files, stable);
  const place = { environment, now };
  const { value, loosenings } =
    was === "unreadable"
      ? { value: manifest, loosenings: [lostRules] }
      : was === null
        ? { value: manifest, loosenings: [] }
        : judgedBy({ was, asked: manifest }, place);
  return rulesPinned(pinned, { rules: { was: was === "unreadable" ? null : was, manifest: value, loosenings }, place });
}

/** It asks for people like a loosening, since nobody can tell that it is none; the way back is the older release's own. */
const lostRules: Loosening = {
  field: "belay.yml",
  was: "what the release that serves was judged by",
  asked: "this one, because that one cannot be read here any more",
};

/** Of every rule the stricter of what is there and what is pinned for the service and the environment. Throws `BELAY_POLICY_UNREADABLE`. */
export function rulesPinned(
  pinned: readonly PinnedPolicy[],
  { rules, place }: { readonly rules: Rules; readonly place: { readonly environment: string; readonly now: Temporal.Instant } },
): Rules {
  const { service } = rules.manifest;
  const counting = pinned.filter(({ scope }) => isWithinScope(scope, { service, environment: place.environment }));
  return counting.reduce(({ was, manifest, loosenings }, policy): Rules => {
    const pin = withPinned(requirePolicy(policy), manifest, place.environment);
    const judged = judgedBy({ was: pin, asked: manifest }, place);
    const told = judged.loosenings.map((each): Loosening => ({ ...each, isPinned: true }));
    return { was, manifest: judged.value, loosenings: [...loosenings, ...told] };
  }, rules);
}

/** Read anew each time: what counts is what today's program makes of the text. */
export function requirePolicy({ text, scope }: Pick<PinnedPolicy, "text" | "scope">): PolicyRules {
  const parsed = parsePolicy(text, "policy.yml");
  if (parsed.ok) return parsed.rules;
  throw new BelayError({
    code: "BELAY_POLICY_UNREADABLE",
    message: `what is pinned for ${describeScope(scope)} is no policy:\n${describeProblems(parsed.problems)}`,
    next: "Mend the lines named above, and run `belay policy set` with the file.",
  });
}

/** Null: it has no belay.yml. Unreadable: neither its commit nor its bundle is here any more, or today's program cannot read the file. */
export async function manifestOfRelease(
  files: ManifestFiles,
  { commit, root = "", built }: Release,
): Promise<Manifest | "unreadable"> {
  const path = root === "" ? "belay.yml" : `${root}/belay.yml`;
  try {
    const source = await manifestSource(files, built?.kind === "built-by" ? built.bundle : undefined);
    const text = await source.readFile(commit, path);
    const parsed = text === undefined ? undefined : parseManifest(text, path);
    return parsed?.ok === true ? parsed.manifest : "unreadable";
  } catch (cause) {
    if (cause instanceof BelayError && lost.has(cause.code)) return "unreadable";
    throw cause;
  }
}

const lost: ReadonlySet<string> = new Set(["BELAY_RELEASE_COMMIT_UNKNOWN", "BELAY_BUNDLE_UNKNOWN"]);
