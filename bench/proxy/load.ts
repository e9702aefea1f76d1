import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Ports } from "./programs.ts";

/** A kind of traffic, sent at a fixed rate by h2load (Debian: nghttp2-client). */
export interface Scenario {
  readonly name: string;
  readonly protocol: "http/1.1" | "tls" | "h2";
  readonly path: string;
  readonly bodyBytes: number;
  /** `kept`: 32 connections for everything. `new`: one for each request. */
  readonly connections: "kept" | "new";
  /** Part of the given rate that this kind is sent at: what costs more is sent more slowly, to stay below saturation. */
  readonly rateShare: number;
}

const plain = { protocol: "http/1.1", path: "/small", bodyBytes: 0, connections: "kept", rateShare: 1 } as const;

export const scenarios: readonly Scenario[] = [
  { ...plain, name: "small GET" },
  { ...plain, name: "64 KB GET", path: "/large", rateShare: 0.5 },
  { ...plain, name: "2 KB POST", bodyBytes: 2_048 },
  { ...plain, name: "a connection each", connections: "new", rateShare: 0.5 },
  { ...plain, name: "TLS", protocol: "tls" },
  { ...plain, name: "TLS, a handshake each", protocol: "tls", connections: "new", rateShare: 0.2 },
  { ...plain, name: "HTTP/2", protocol: "h2" },
];

export interface LoadResult {
  readonly requests: number;
  readonly failed: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

const keptConnections = 32;

/** Sends `rate` requests a second for `seconds`. Latencies are from the request to the end of its answer. */
export async function sendLoad(
  ports: Ports,
  scenario: Scenario,
  { rate, seconds }: { readonly rate: number; readonly seconds: number },
): Promise<LoadResult> {
  const folder = mkdtempSync(join(tmpdir(), "belay-load-"));
  try {
    const log = join(folder, "log");
    const total = Math.round(rate * scenario.rateShare * seconds);
    const { protocol, path, bodyBytes } = scenario;
    const port = protocol === "http/1.1" ? ports.plain : ports.tls;
    const argv = ["--log-file", log, `--connect-to=127.0.0.1:${port}`];
    if (protocol !== "h2") argv.push("--h1");
    if (bodyBytes > 0) {
      writeFileSync(join(folder, "body"), "x".repeat(bodyBytes));
      argv.push("-d", join(folder, "body"));
    }
    if (scenario.connections === "new") argv.push("-c", `${total}`, "-n", `${total}`, "-r", `${Math.round(total / seconds)}`);
    else argv.push("-c", `${keptConnections}`, "-n", `${total}`, `--rps=${(rate * scenario.rateShare) / keptConnections}`);
    const scheme = protocol === "http/1.1" ? "http" : "https";
    await promisify(execFile)("h2load", [...argv, `${scheme}://shop.test${path}`], { maxBuffer: 1e8 });
    return readLog(readFileSync(log, "utf8"), total);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** h2load's log has a line for each answer: when it was asked for, its status, and how many microseconds it took. */
export function readLog(text: string, sent: number): LoadResult {
  const answers = text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => line.split("\t").map(Number));
  const good = answers.filter(([, status]) => status === 200);
  const tookMs = good.map(([, , microseconds = Number.NaN]) => microseconds / 1_000).sort((a, b) => a - b);
  const quantile = (q: number) => tookMs[Math.min(tookMs.length - 1, Math.floor(q * tookMs.length))] ?? Number.NaN;
  return { requests: good.length, failed: sent - good.length, p50Ms: quantile(0.5), p99Ms: quantile(0.99) };
}
