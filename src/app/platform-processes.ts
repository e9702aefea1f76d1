import { dirname } from "node:path";
import type { Program } from "../keeper/command.ts";
import { outputFilterName } from "../keeper/output-pipes.ts";
import type { ProcessSpec } from "../keeper/protocol.ts";
import type { DataFolder } from "./data-folder.ts";

/** Belay's own processes beside keeper and holder, as the keeper is asked to run them. */
export function platformProcesses(options: {
  readonly folder: DataFolder;
  readonly program: Program;
  readonly version: string;
  readonly workers: number;
  readonly hasTcpApi: boolean;
  readonly hasTls: boolean;
  readonly hasMetrics: boolean;
  /** False at a keeper that was started before there were any. */
  readonly hasEvents: boolean;
}): readonly ProcessSpec[] {
  const { folder, program, version, workers, hasTcpApi, hasTls, hasMetrics, hasEvents } = options;
  const common = commonOf({ dataFolder: folder.path, program, version });
  const proxies = Array.from({ length: workers }, (_, index): ProcessSpec => {
    const name = `${proxyPrefix}${index + 1}`;
    return {
      ...common,
      name,
      argv: [program.node, program.main, "proxy", folder.path, name],
      sockets: hasTls ? ["http", "https"] : ["http"],
      keys: { visitor: folder.visitorKey },
      graceMs: drainGraceMs,
    };
  });
  const control: ProcessSpec = {
    ...common,
    name: "control",
    argv: [program.node, program.main, "control", folder.path, version],
    sockets: [
      "api",
      "workers",
      ...(hasTcpApi ? ["api-tcp"] : []),
      ...(hasMetrics ? ["metrics"] : []),
      ...(hasEvents ? ["events"] : []),
    ],
    keys: {},
    graceMs: 5_000,
  };
  return [...proxies, control];
}

/** What masks the output of processes with secrets; runs once there is such a process. */
export function outputFilterProcess(options: {
  readonly dataFolder: string;
  readonly program: Program;
  readonly version: string;
}): ProcessSpec {
  const { dataFolder, program, version } = options;
  return {
    name: outputFilterName,
    argv: [program.node, program.main, "output", dataFolder],
    ...commonOf({ dataFolder, program, version }),
    sockets: [],
    keys: {},
    graceMs: 2_000,
  };
}

function commonOf(options: { readonly dataFolder: string; readonly program: Program; readonly version: string }) {
  const { dataFolder, program, version } = options;
  return {
    cwd: "/",
    // NODE_COMPILE_CACHE makes the restart of a killed process faster: its sources are not compiled anew. `main.ts` writes it.
    env: {
      PATH: systemPath(dirname(program.node)),
      LANG: "C.UTF-8",
      NODE_COMPILE_CACHE: `${dataFolder}/run/compile-cache`,
      HOME: dataFolder,
      BELAY_PROGRAM: version,
    },
    memoryBytesMax: null,
  };
}

/** A worker that is told to end drains for 10 s at most. */
export const drainGraceMs = 12_000;

const proxyPrefix = "proxy-";

export function isProxy(name: string): boolean {
  return name.startsWith(proxyPrefix);
}

function systemPath(nodeFolder: string): string {
  return [nodeFolder, "/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"].join(":");
}
