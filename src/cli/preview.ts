import { BelayError } from "../errors.ts";
import { describeDuration, durationPattern, parseDuration } from "../manifest/quantities.ts";
import { type Command, type CommandContext, environmentOption, textOf } from "./command.ts";
import { requireService } from "./own-manifest.ts";
import { describeTime } from "./time-words.ts";
import { waitForWorkers } from "./wait-for-workers.ts";

const shortestMs = 1_000;
const longestMs = 7 * 24 * 3_600_000;

export const preview: Command = {
  name: "preview",
  summary: "Print a link that lets one person see a release before others do.",
  arguments: [{ name: "[release]", summary: "Release to show; by default the one that rolls out." }],
  options: [
    environmentOption,
    { flags: "--service <name>", summary: "Name of the service; by default the one of belay.yml in this folder." },
    { flags: "--for <duration>", summary: "How long whoever opens the link sees the release, at most 168h.", fallback: "8h" },
    {
      flags: "--base <url>",
      summary: "Where visitors reach the service, when that is not http and the port that Belay listens on.",
    },
    { flags: "--rotate-keys", summary: "Make no link but new signing keys; what the present ones signed stays good." },
    { flags: "--revoke", summary: "With --rotate-keys: end every link and every preview that was given out so far." },
  ],

  async run(context) {
    const { client, values, positionals, isJson, print, printJson } = context;
    if (values["rotateKeys"] === true || values["revoke"] === true) return rotate(context);
    const lastsMs = parseFor(textOf(values["for"]) ?? "8h");
    const given = parseBase(textOf(values["base"]));
    const service = requireService({ ...context, positionals: [textOf(values["service"])] }, "preview --service");
    const environment = textOf(values["environment"]) ?? "production";
    const body = { release: positionals[0] ?? null, lastsSeconds: Math.round(lastsMs / 1000) };
    const made = await client.preview({ environment, service }, body);
    const isServed = await waitForWorkers(context, made.position);
    const base = given ?? baseOf(made.host, (await client.status()).addresses["http"] ?? "");
    const link = `${base}${made.target}`;
    if (isJson) printJson({ service, environment, ...made, link });
    else {
      print(link);
      print(
        `Whoever opens it first sees ${made.release} of ${service} for ${describeDuration(lastsMs)}. It can be opened once, before ${describeTime(made.redeemBefore)}.`,
      );
    }
    if (!isServed) print(notServed);
    return undefined;
  },
};

const notServed = "Not every proxy worker has said yet that it knows. See `belay status`.";

async function rotate(context: CommandContext): Promise<undefined> {
  const { client, values, isJson, print, printJson } = context;
  const isRevoking = values["revoke"] === true;
  if (values["rotateKeys"] !== true) {
    throw new BelayError({
      code: "BELAY_CLI_REVOKE_ALONE",
      message: "--revoke ends what the present keys signed, and new keys have to take their place",
      next: "Run `belay preview --rotate-keys --revoke`.",
    });
  }
  const { keys, position } = await client.rotatePreviewKeys({ isRevoking });
  const isServed = await waitForWorkers(context, position);
  print(
    isRevoking
      ? "New keys sign previews. Every link and every preview given out before is worth nothing from now on."
      : "New keys sign previews. What the ones just before them signed stays good until it ends; what older ones signed is worth nothing.",
  );
  if (!isServed) print(notServed);
  if (isJson) printJson({ keys, isServed });
  return undefined;
}

function parseFor(text: string): number {
  const lastsMs = durationPattern.test(text) ? parseDuration(text) : 0;
  if (lastsMs >= shortestMs && lastsMs <= longestMs) return lastsMs;
  throw new BelayError({
    code: "BELAY_CLI_BAD_DURATION",
    message: `${text} is no duration from 1s to 168h`,
    next: "Write one such as --for 30m or --for 24h.",
  });
}

/** Looked at before a link is made: what is printed is what somebody sends on. */
function parseBase(text: string | undefined): string | null {
  if (text === undefined) return null;
  const url = URL.parse(text);
  const isWebsite = url !== null && /^https?:$/.test(url.protocol) && url.host !== "";
  if (isWebsite && `${url.username}${url.password}${url.search}${url.hash}` === "") return url.href.replace(/\/+$/, "");
  throw new BelayError({
    code: "BELAY_CLI_BAD_BASE",
    message: "what --base says is no address of a website",
    next: "Write where visitors reach the service, such as --base https://shop.example.com, without a name, a query or a fragment.",
  });
}

/** The host of the service's route at the port of the listener. For a route of every host, the listener's own address. */
function baseOf(host: string, listener: string): string {
  const at = listener.lastIndexOf(":");
  const port = listener.slice(at + 1);
  const name = host === "*" ? listener.slice(0, at) : host;
  return `http://${name}${port === "80" ? "" : `:${port}`}`;
}
