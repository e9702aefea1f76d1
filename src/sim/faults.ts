import type { Draw } from "./draw.ts";

/** Something that goes wrong at a time of the story. What lasts, lasts for `forMs`. */
export type Fault =
  /**
   * The control plane dies before one of its next actions, and is started again after `forMs`; null is never. The one that is
   * started may die again, before that action of its own.
   */
  | {
      readonly kind: "control-crash";
      readonly atMs: number;
      readonly afterActions: number;
      readonly forMs: number | null;
      readonly diesAgainBefore: number | null;
    }
  | { readonly kind: "worker-crash"; readonly atMs: number; readonly worker: number; readonly forMs: number }
  /** The node's worker and the control plane do not hear each other. */
  | { readonly kind: "link-cut"; readonly atMs: number; readonly worker: number; readonly forMs: number }
  | {
      readonly kind: "link-slow";
      readonly atMs: number;
      readonly worker: number;
      readonly forMs: number;
      readonly delayMs: number;
    }
  | { readonly kind: "node-lost"; readonly atMs: number; readonly node: number; readonly forMs: number }
  | { readonly kind: "clock-step"; readonly atMs: number; readonly byMs: number }
  | { readonly kind: "instance-crash"; readonly atMs: number; readonly luck: number }
  | { readonly kind: "list-misses"; readonly atMs: number; readonly slot: number; readonly forMs: number }
  | { readonly kind: "ready-too-early"; readonly atMs: number; readonly forMs: number }
  | { readonly kind: "starts-lost"; readonly atMs: number; readonly forMs: number }
  | { readonly kind: "replies-lost"; readonly atMs: number; readonly forMs: number }
  | { readonly kind: "runtime-silent"; readonly atMs: number; readonly forMs: number }
  | { readonly kind: "keeper-silent"; readonly atMs: number; readonly forMs: number }
  | { readonly kind: "disk-full"; readonly atMs: number; readonly forMs: number; readonly what: "ledger" | "files" | "both" }
  | { readonly kind: "shared-outage"; readonly atMs: number; readonly forMs: number; readonly share: number };

const kinds = [
  "control-crash",
  "control-crash",
  "control-crash",
  "worker-crash",
  "link-cut",
  "link-slow",
  "node-lost",
  "clock-step",
  "instance-crash",
  "list-misses",
  "ready-too-early",
  "starts-lost",
  "replies-lost",
  "runtime-silent",
  "keeper-silent",
  "disk-full",
  "shared-outage",
] as const satisfies readonly Fault["kind"][];

/** One to five faults between `fromMs` and `toMs`, in the order of their time. */
export function drawFaults(draw: Draw, fromMs: number, toMs: number): readonly Fault[] {
  const count = draw.int(1, 5);
  return Array.from({ length: count }, () => drawFault(draw, draw.between(fromMs, toMs))).sort((a, b) => a.atMs - b.atMs);
}

function drawFault(draw: Draw, atMs: number): Fault {
  const kind = draw.pick(kinds);
  switch (kind) {
    case "control-crash": {
      const forMs = draw.chance(0.7) ? draw.between(50, 1_200) : draw.between(1_200, 8_000);
      return { kind, atMs, afterActions: draw.int(0, 8), forMs, diesAgainBefore: draw.chance(0.3) ? draw.int(0, 8) : null };
    }
    case "worker-crash":
      return { kind, atMs, worker: draw.int(0, 1), forMs: draw.between(20, 800) };
    case "link-cut":
      return { kind, atMs, worker: draw.int(0, 1), forMs: draw.between(50, 7_000) };
    case "link-slow":
      return { kind, atMs, worker: draw.int(0, 1), forMs: draw.between(500, 6_000), delayMs: draw.between(20, 1_500) };
    case "node-lost":
      return { kind, atMs, node: draw.int(0, 1), forMs: draw.between(500, 6_000) };
    case "clock-step":
      return { kind, atMs, byMs: draw.pick([-86_400_000, -3_600_000, -2_000, 2_000, 3_600_000, 86_400_000]) };
    case "instance-crash":
      return { kind, atMs, luck: draw.share() };
    case "list-misses":
      return { kind, atMs, slot: draw.int(0, 7), forMs: draw.between(50, 1_500) };
    case "disk-full":
      return { kind, atMs, forMs: draw.between(100, 6_000), what: draw.pick(["both", "both", "ledger", "files"] as const) };
    case "shared-outage":
      return { kind, atMs, forMs: draw.between(500, 5_000), share: draw.between(0.05, 1) };
    default:
      return { kind, atMs, forMs: draw.between(200, 4_000) };
  }
}

/** When a fault is over. */
export function endOf(fault: Fault): number {
  switch (fault.kind) {
    case "clock-step":
      return fault.atMs;
    case "instance-crash":
      return fault.atMs + 4_000;
    case "control-crash":
      return fault.forMs === null ? Number.POSITIVE_INFINITY : fault.atMs + fault.forMs;
    default:
      return fault.atMs + fault.forMs;
  }
}
