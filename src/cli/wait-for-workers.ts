import type { CommandContext } from "./command.ts";

const acknowledgedWithinMs = 10_000;
const pollMs = 100;

/** Until every connected worker serves the table of `epoch`; false when they take too long. */
export async function waitForWorkers({ client, io }: CommandContext, epoch: number): Promise<boolean> {
  const deadlineMs = io.clock.monotonicMs() + acknowledgedWithinMs;
  for (;;) {
    const { workers } = await client.status();
    if (workers.every((worker) => !worker.isConnected || worker.epoch >= epoch)) return true;
    if (io.clock.monotonicMs() >= deadlineMs) return false;
    await io.clock.sleep(pollMs, io.interrupted);
  }
}
