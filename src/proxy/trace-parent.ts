const pattern = /^([\da-f]{2})-([\da-f]{32})-([\da-f]{16})-[\da-f]{2}(-.*)?$/;

/** Whether a value is a traceparent that a reader of W3C Trace Context, level 1, takes. */
export function isTraceParent(value: string): boolean {
  const [, version = "ff", trace = "", parent = "", more] = pattern.exec(value) ?? [];
  if (version === "ff" || /^0+$/.test(trace) || /^0+$/.test(parent)) return false;
  return version !== "00" || more === undefined;
}
