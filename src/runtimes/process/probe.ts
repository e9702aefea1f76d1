import { type ProbeAnswer, probeHttp } from "../../ports/http-probe.ts";
import { type ListeningSocket, listeningSockets, processTree, readProcess } from "../../ports/processes.ts";

/** How an instance is looked at from outside. */
export interface Probe {
  /** One GET. Never throws; ends within `timeoutMs`. */
  health(target: {
    readonly host: string;
    readonly port: number;
    readonly path: string;
    readonly timeoutMs: number;
  }): Promise<ProbeAnswer>;
  /** Where the process and its children listen; empty also when this user may not see it. */
  listening(pid: number): readonly ListeningSocket[];
}

export const systemProbe: Probe = {
  health: probeHttp,
  listening: (pid) => {
    const facts = readProcess(pid);
    return facts === undefined ? [] : listeningSockets(processTree(facts));
  },
};
