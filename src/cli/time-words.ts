/** `2026-01-02 03:04:05`, in UTC. */
export function describeTime(iso: string): string {
  return iso.replace("T", " ").replace(/(\.\d+)?Z$/, "");
}
