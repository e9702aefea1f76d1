import { BelayError } from "../errors.ts";
import { type Command, environmentOption, serviceArgument, textOf } from "./command.ts";
import { requireService } from "./own-manifest.ts";
import { waitForWorkers } from "./wait-for-workers.ts";

/** As many as the API takes. */
const messageCharactersMax = 1_000;

export const maintenance: Command = {
  name: "maintenance",
  summary: "Tell every visitor of a service to come back later (503), or serve them again.",
  arguments: [{ name: "<on|off>", summary: "What it should be." }, serviceArgument],
  options: [
    environmentOption,
    { flags: "--message <words>", summary: "What visitors read while it is on: plain text, 1000 characters at most." },
  ],

  async run(context) {
    const { client, values, positionals, isJson, print, printJson } = context;
    const [wanted] = positionals;
    if (wanted !== "on" && wanted !== "off") throw neitherOnNorOff(wanted);
    const isOn = wanted === "on";
    const message = textOf(values["message"]) ?? "";
    if (message.length > messageCharactersMax) throw tooLong(message);
    const service = requireService({ ...context, positionals: positionals.slice(1) }, `maintenance ${wanted}`);
    const environment = textOf(values["environment"]) ?? "production";
    const { position } = await client.setMaintenance({ service, environment }, { isOn, message });
    const isServed = await waitForWorkers(context, position);
    print(
      isServed
        ? `${service}: ${isOn ? "every visitor gets 503 now; `belay maintenance off` ends it" : "every visitor is served again"}.`
        : `${service}: maintenance ${wanted} is recorded; not every proxy worker has said yet that it serves it. See \`belay status\`.`,
    );
    if (isJson) printJson({ service, environment, isOn, isServed });
    return undefined;
  },
};

function tooLong({ length }: string): BelayError {
  return new BelayError({
    code: "BELAY_CLI_MESSAGE_TOO_LONG",
    message: `--message has ${length} characters`,
    next: `Say it in ${messageCharactersMax} at most; it is one paragraph on a page of Belay's, as plain text.`,
  });
}

function neitherOnNorOff(wanted: string | undefined): BelayError {
  return new BelayError({
    code: "BELAY_CLI_ON_OR_OFF",
    message: `maintenance is on or off, not ${String(wanted)}`,
    next: "Write `belay maintenance on` or `belay maintenance off`, with the service behind it where no belay.yml names one.",
  });
}
