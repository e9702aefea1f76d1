/**
 * The mistakes of a bad release, drawn from a seed so that every run of it fails alike.
 *
 * `share` of the requests whose path starts with one of `paths` fail, from the process's `afterRequests`th such
 * request and its `afterSeconds`th second on. The health check never fails: it would be too easy to catch.
 */
export function createFaults(faults) {
  if (faults === null) return () => false;
  const { share, paths = ["/"], afterRequests = 0, afterSeconds = 0, seed = 1 } = faults;
  const draw = createDraw(seed);
  const startedMs = performance.now();
  let requests = 0;
  return (path) => {
    if (path === "/healthz" || !paths.some((prefix) => path.startsWith(prefix))) return false;
    requests += 1;
    if (requests <= afterRequests || performance.now() - startedMs < afterSeconds * 1000) return false;
    return draw() < share;
  };
}

/** Uniform in [0, 1), reproducible (mulberry32). */
function createDraw(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
