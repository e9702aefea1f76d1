import { BelayError } from "../errors.ts";
import type { Command, CommandContext } from "./command.ts";
import { countOf } from "./show-table.ts";

export const down: Command = {
  name: "down",
  isLocal: true,
  summary: "Stop everything: visitors get no answers any more. `up` brings the promoted releases back.",
  options: [{ flags: "--yes", summary: "Do not ask." }],

  async run(context) {
    const { io, dataFolder, values, print, printJson, isJson } = context;
    if (!(await io.platform.isRunning({ dataFolder }))) {
      print(`No Belay runs in ${dataFolder}.`);
      if (isJson) printJson({ wasRunning: false });
      return undefined;
    }
    const traffic = await describeTraffic(context);
    print(traffic);
    if (values["yes"] !== true) await requireConfirmation(context);
    await io.platform.stop({ dataFolder });
    print("Stopped.");
    if (isJson) printJson({ wasRunning: true });
    return undefined;
  },
};

/** What a look at the traffic shows; without a control plane it says that nobody knows, and stopping stays possible. */
async function describeTraffic({ client }: CommandContext): Promise<string> {
  try {
    const { requestsLastMinute, services } = await client.status();
    const running = services.filter(({ rollout }) => rollout !== null && rollout.outcome === null).length;
    const rollouts = running === 0 ? "" : `; ${countOf(running, "rollout")} under way`;
    return `${countOf(requestsLastMinute, "request")} came in the last minute, for ${countOf(services.length, "service")}${rollouts}.`;
  } catch (error) {
    if (!(error instanceof BelayError)) throw error;
    return `The control plane does not answer (${error.code}), so the traffic of the last minute is not known.`;
  }
}

async function requireConfirmation({ io }: CommandContext): Promise<void> {
  const answer = await io.confirm("Stop everything? Visitors will get no answers. [y/N] ");
  if (answer === true) return;
  const isAsked = answer !== undefined;
  throw new BelayError({
    code: isAsked ? "BELAY_CLI_NOT_CONFIRMED" : "BELAY_CLI_CONFIRMATION_NEEDED",
    message: isAsked ? "nothing was stopped" : "down stops production, and there is no terminal to ask in",
    next: isAsked ? "Run `belay down` again when you mean it." : "Run `belay down --yes`.",
  });
}
