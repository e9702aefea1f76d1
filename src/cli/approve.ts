import { BelayError } from "../errors.ts";
import { describeApproval } from "./approval-words.ts";
import { type Command, type CommandContext, type CommandOption, environmentOption, exitCodes, textOf } from "./command.ts";
import { requireService } from "./own-manifest.ts";
import { harmless } from "./show-table.ts";
import { describeTime } from "./time-words.ts";

const rolloutArgument = { name: "<rollout>", summary: "Id of the rollout, or name of the service that waits." } as const;
const reasonOption: CommandOption = { flags: "--reason <words>", summary: "Why; it is kept in the ledger." };

export const approve: Command = {
  name: "approve",
  summary:
    "Look at what waits for approval, and give your word for it. It takes a token of your own, and nobody approves their own work.",
  arguments: [rolloutArgument],
  options: [environmentOption, { flags: "--yes", summary: "Do not ask: approve what is there." }, reasonOption],

  async run(context) {
    const { client, values, io, print, printJson, isJson } = context;
    const id = await findRollout(context);
    const view = await client.approval(id);
    if (!isJson) print(describeApproval(view));
    const isSure = values["yes"] === true || (!isJson && (await io.confirm(`Approve ${id}?`)) === true);
    if (!isSure) {
      if (isJson) printJson(view);
      print(`Nothing was approved. \`belay approve ${id} --yes\` does it.`);
      return undefined;
    }
    const { digest, plan, open: needs } = view;
    const given = await client.approve(id, { digest, plan, needs, reason: textOf(values["reason"]) ?? "" });
    const open = given.supervision.needs.filter(({ isMet, kind }) => !isMet && kind !== "window" && kind !== "gate");
    const rest = open.length === 0 ? "" : `; still open: ${open.map((need) => need.id).join(", ")}`;
    print(`Approved ${id} (${given.approved.join(", ")}), which counts until ${describeTime(given.until)}${rest}.`);
    if (isJson) printJson(given);
    return undefined;
  },
};

export const review: Command = {
  name: "review",
  summary: "Say that you have looked at a release that somebody alone pushed past the rules.",
  arguments: [rolloutArgument],
  options: [environmentOption, { flags: "--reason <words>", summary: "What you found; it is kept in the ledger." }],

  async run(context) {
    const { client, print, printJson, isJson } = context;
    const id = await findRollout(context);
    const words = requireReason(context, "review");
    await client.review(id, { words });
    print(`The review of ${id} is recorded.`);
    if (isJson) printJson({ rollout: id });
    return undefined;
  },
};

export const override: Command = {
  name: "override",
  summary: "Ask that closed hours are passed over for the rollout that runs; somebody else approves it with `belay approve`.",
  arguments: [{ name: "[service]", summary: "Name of the service; by default the one of belay.yml in this folder." }],
  options: [environmentOption, reasonOption],

  async run(context) {
    const { client, values, print, printJson, isJson } = context;
    const service = requireService(context, "override");
    const environment = textOf(values["environment"]) ?? "production";
    const { rollout } = await client.override({ service, environment }, { reason: requireReason(context, "override") });
    print(`It is recorded for ${rollout}, and counts once somebody else runs \`belay approve ${rollout}\`.`);
    if (isJson) printJson({ service, rollout });
    return exitCodes.done;
  },
};

/** An id as it is, or the rollout of a service. */
async function findRollout({ client, positionals, values }: CommandContext): Promise<string> {
  const asked = positionals[0] ?? "";
  const environment = textOf(values["environment"]) ?? "production";
  const { services } = await client.status();
  return services.find((view) => view.service === asked && view.environment === environment)?.rollout?.rollout ?? asked;
}

function requireReason({ values }: CommandContext, command: string): string {
  const reason = textOf(values["reason"]) ?? "";
  if (reason.trim() !== "") return reason;
  throw new BelayError({
    code: "BELAY_CLI_REASON_NEEDED",
    message: `${harmless(command)} is kept with its reason, and none is given`,
    next: `Write \`belay ${command} … --reason <words>\`.`,
  });
}
