import type { CheckFinding } from "../rollout/check-result.ts";
import { type Check, type Outcome, type PreviousRelease, quick, type Subject, skipped } from "./check.ts";
import { type FileTree, hashOf, type TreeFile } from "./file-tree.ts";
import { namesFile } from "./policy.ts";
import { isOfOthers } from "./third-party.ts";

/** Source maps can be large; one that is larger is judged by its name. */
const mapBytesMax = 128 * 1024 * 1024;
/** A first megabyte more is no news. */
const growthMin = 1.5;
const growthBytesMin = 1024 * 1024;

export const artifact: Check = {
  name: "artifact",
  finds:
    "What must not be in the bundle: environment files, private keys, credentials, source maps that carry the source, dumps, `.git`; and what is new since the last release.",
  runs: "Always, on the real bundle; `belay check` looks at what of the folder would go into it.",
  timeoutMs: quick,

  async run({ bundle, previous, manifest }: Subject, signal): Promise<Outcome> {
    if (bundle === null) return skipped("what the bundle holds is known after the build");
    const { allow, bytesMax } = manifest.checks.artifact;
    const findings: CheckFinding[] = [];
    let allowed = 0;
    for (const file of bundle.files) {
      signal.throwIfAborted();
      const found = file.link === undefined ? await lookAt(bundle, file) : null;
      if (found === null) continue;
      if (allow.some((glob) => namesFile(glob, file.path))) allowed += 1;
      else findings.push({ ...found, file: file.path });
    }
    const bytes = totalOf(bundle.files);
    if (bytesMax !== null && bytes > bytesMax) findings.push(tooLarge(bytes, bytesMax));
    findings.push(...differences(bundle.files, previous));
    const listed = bundle.files.map(({ path, bytes: size }) => `${path} ${size}`).join("\n");
    return {
      kind: "inspected",
      inspected: bundle.files.length,
      noun: `files in the bundle, ${describeBytes(bytes)}`,
      ...(allowed === 0 ? {} : { note: `${allowed} allowed by checks.artifact.allow` }),
      findings,
      inputsSha256: hashOf(listed),
    };
  },
};

type Found = Pick<CheckFinding, "rule" | "level" | "message" | "fix">;

const leaveOut = "Leave it out by release.include, or delete it at the end of release.build.";

async function lookAt(tree: FileTree, file: TreeFile): Promise<Found | null> {
  const { path, bytes } = file;
  const name = path.slice(path.lastIndexOf("/") + 1);
  if (/(?:^|\/)\.git\//.test(path)) return fail("git-folder", "the repository itself is in the bundle", leaveOut);
  if (/(?:^|\/)node_modules\/\.cache\//.test(path))
    return warn("cache", "a cache of build tools is in the bundle", "Delete node_modules/.cache at the end of release.build.");
  if (isOfOthers(path)) return null;
  if (/^\.env(?:\..+)?$/.test(name) && !/\.(?:example|sample|template|dist|defaults?)$/.test(name))
    return fail(
      "env-file",
      "a file of environment variables is in the bundle",
      `${leaveOut} Secrets belong into the configuration of the environment.`,
    );
  if (/^(?:\.netrc|\.pypirc|\.git-credentials)$/.test(name))
    return fail("credentials", "a file of passwords is in the bundle", leaveOut);
  if (/\.(?:p12|pfx|jks|keystore)$/i.test(name)) return fail("private-key", "a store of private keys is in the bundle", leaveOut);
  if (isKeyName(name)) return await lookAtKey(tree, path);
  if (/\.map$/.test(name)) return await lookAtMap(tree, file);
  if (/\.(?:[cm]?js|css)$/.test(name) && bytes <= mapBytesMax) return await lookForInlineMap(tree, path);
  if (/^core(?:\.\d+)?$/.test(name)) return await lookAtCore(tree, path);
  if (/\.(?:dump|bak|sql\.gz|sqlite3?|db)$/i.test(name))
    return warn("data", "this looks like a dump or copy of a database", leaveOut);
  return null;
}

function isKeyName(name: string): boolean {
  return /\.(?:pem|key|ppk)$/i.test(name) || /^id_(?:rsa|dsa|ecdsa|ed25519)$/.test(name);
}

/** Certificates end in .pem too, and are no secret. */
async function lookAtKey(tree: FileTree, path: string): Promise<Found | null> {
  const content = await tree.read(path);
  if (content === undefined || !/PRIVATE KEY|PuTTY-User-Key-File/.test(content.toString("latin1", 0, 4096))) return null;
  return fail(
    "private-key",
    "a private key is in the bundle",
    `Replace the key first, since it may have been read; then: ${leaveOut}`,
  );
}

async function lookAtMap(tree: FileTree, { path, bytes }: TreeFile): Promise<Found | null> {
  const content = bytes > mapBytesMax ? undefined : await tree.read(path);
  const fix = "Build without source maps, or with `sourcesContent: false`, or delete *.map at the end of release.build.";
  if (content === undefined) return warn("source-map", "a source map too large to be looked into", fix);
  let map: unknown;
  try {
    map = JSON.parse(content.toString("utf8"));
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause;
    return warn(
      "source-map",
      "this is named like a source map and is none that can be read",
      "Delete it, or give it another name.",
    );
  }
  const sources = countSources(map);
  return sources === 0
    ? null
    : fail("source-map", `the source map carries the whole source of ${sources} ${sources === 1 ? "file" : "files"}`, fix);
}

async function lookForInlineMap(tree: FileTree, path: string): Promise<Found | null> {
  const content = await tree.read(path);
  const at = content?.lastIndexOf("sourceMappingURL=data:") ?? -1;
  if (content === undefined || at === -1) return null;
  const [, kind = "", body = ""] = /^sourceMappingURL=data:([^,\s]*),([^\s*]+)/.exec(content.toString("latin1", at)) ?? [];
  const isCarried = countInlineSources(kind, body) > 0;
  if (!isCarried) return null;
  return fail("source-map", "it ends with a source map that carries the whole source", "Build without inline source maps.");
}

/** 0 for what is no source map: generated code may speak of source maps. */
function countInlineSources(kind: string, body: string): number {
  try {
    return countSources(
      JSON.parse(kind.includes("base64") ? Buffer.from(body, "base64").toString("utf8") : decodeURIComponent(body)),
    );
  } catch (cause) {
    if (cause instanceof SyntaxError || cause instanceof URIError) return 0;
    throw cause;
  }
}

function countSources(map: unknown): number {
  if (typeof map !== "object" || map === null) return 0;
  const sections =
    "sections" in map && Array.isArray(map.sections) ? (map.sections as readonly { readonly map?: unknown }[]) : [];
  const own = "sourcesContent" in map && Array.isArray(map.sourcesContent) ? (map.sourcesContent as readonly unknown[]) : [];
  const inSections = sections.reduce((sum, section) => sum + countSources(section?.map), 0);
  return own.filter((content) => typeof content === "string" && content.trim() !== "").length + inSections;
}

async function lookAtCore(tree: FileTree, path: string): Promise<Found | null> {
  const content = await tree.read(path);
  if (content === undefined || content.toString("latin1", 0, 4) !== "\x7fELF") return null;
  return fail("core-dump", "the memory of a crashed process is in the bundle", leaveOut);
}

/** What nobody listed, and what was not there before. */
function differences(files: readonly TreeFile[], previous: PreviousRelease | null): readonly CheckFinding[] {
  if (previous?.files == null) return [];
  const before = previous.files;
  const found: CheckFinding[] = [];
  const tell = (rule: string, message: string, fix: string) => found.push({ rule, level: "warn", message, fix });
  const news = (nameOf: (path: string) => string | undefined) => {
    const known = new Set(before.map(({ path }) => nameOf(path)));
    const names = files.map(({ path }) => nameOf(path)).filter((name) => name !== undefined && !known.has(name));
    return [...new Set(names)];
  };
  const folders = news(topFolder);
  const intended = `Look whether it is meant to be shipped; ${leaveOut.charAt(0).toLowerCase()}${leaveOut.slice(1)}`;
  if (folders.length > 0)
    tell("new-folder", `since ${previous.id} there is a new folder: ${folders.slice(0, 5).join(", ")}`, intended);
  const endings = news((path) => (isOfOthers(path) ? undefined : ending(path)));
  if (endings.length > 0)
    tell("new-kind", `since ${previous.id} there are files of a new kind: ${endings.slice(0, 5).join(", ")}`, intended);
  const [bytes, bytesBefore] = [totalOf(files), totalOf(before)];
  if (bytes > bytesBefore * growthMin && bytes - bytesBefore > growthBytesMin)
    tell(
      "growth",
      `the bundle grew from ${describeBytes(bytesBefore)} to ${describeBytes(bytes)} since ${previous.id}`,
      intended,
    );
  return found;
}

function topFolder(path: string): string | undefined {
  const at = path.indexOf("/");
  return at === -1 ? undefined : path.slice(0, at);
}

function ending(path: string): string | undefined {
  return /[^/](\.[A-Za-z0-9]{1,10})$/.exec(path)?.[1]?.toLowerCase();
}

function totalOf(files: readonly { readonly bytes: number }[]): number {
  return files.reduce((sum, { bytes }) => sum + bytes, 0);
}

function tooLarge(bytes: number, bytesMax: number): CheckFinding {
  return {
    rule: "size",
    level: "fail",
    message: `the bundle has ${describeBytes(bytes)}, above the ${describeBytes(bytesMax)} of checks.artifact.maxSize`,
    fix: "Leave out what is not needed by release.include, or raise checks.artifact.maxSize.",
  };
}

function describeBytes(bytes: number): string {
  if (bytes >= 1e6) return `${(bytes / 1e6).toFixed(1)} MB`;
  return bytes >= 1e3 ? `${(bytes / 1e3).toFixed(1)} KB` : `${bytes} bytes`;
}

function fail(rule: string, message: string, fix: string): Found {
  return { rule, level: "fail", message, fix };
}

function warn(rule: string, message: string, fix: string): Found {
  return { rule, level: "warn", message, fix };
}
