/**
 * A canary's answers and caches that visitors share. Such a cache would give a canary's answer to everybody, at a weight that
 * nobody chose and after an abort too, so until 100 % what it could keep becomes private (RFC 9111, section 5.2.2.7).
 */

const sharedDirective = /^(?:public|s-maxage\b.*|proxy-revalidate)$/i;

/** Headers that speak to shared caches alone. */
const forSharedCaches = new Set(["surrogate-control", "cdn-cache-control"]);

/** The headers of a canary's answer (name, value, name, value) with nothing in them that a shared cache may keep. */
export function withoutSharing(headers: readonly string[]): readonly string[] {
  const kept: string[] = [];
  let directives: string[] = [];
  for (let index = 0; index + 1 < headers.length; index += 2) {
    const name = headers[index] ?? "";
    const value = headers[index + 1] ?? "";
    const lower = name.toLowerCase();
    if (lower === "cache-control") directives = [...directives, ...value.split(",").map((directive) => directive.trim())];
    else if (!forSharedCaches.has(lower)) kept.push(name, value);
  }
  const own = directives.filter((directive) => directive !== "" && !sharedDirective.test(directive));
  const isUnshared = own.some((directive) => /^(?:private|no-store)$/i.test(directive));
  return [...kept, "Cache-Control", (isUnshared ? own : ["private", ...own]).join(", ")];
}
