import { BelayError } from "../errors.ts";
import { type KeeperRequest, keeperProtocol, type ProcessSpec } from "./protocol.ts";

/** One line of the keeper's socket. Throws `BELAY_KEEPER_REQUEST_INVALID`. */
export function parseKeeperMessage(message: unknown): { readonly id: number; readonly request: unknown } {
  if (isRecord(message) && typeof message["id"] === "number") return { id: message["id"], request: message["request"] };
  throw invalid("a line without an id");
}

/** Throws `BELAY_KEEPER_REQUEST_INVALID`, or `BELAY_KEEPER_PROTOCOL` for a hello of another protocol. */
export function parseKeeperRequest(request: unknown): KeeperRequest {
  if (!isRecord(request)) throw invalid("a request that is no object");
  const { kind } = request;
  switch (kind) {
    case "hello":
      return { kind, protocol: parseProtocol(request["protocol"]) };
    case "run":
      return { kind, spec: parseSpec(request["spec"]) };
    case "run-once":
      return { kind, spec: { ...parseSpec(request["spec"]), isOnce: true } };
    case "stop":
      return { kind, name: text(request["name"], "name"), graceMs: amount(request["graceMs"], "graceMs") };
    case "list":
    case "addresses":
    case "shutdown":
      return { kind };
    default:
      throw invalid(`a request of kind ${String(kind)}`);
  }
}

/** Its own version and the one before, so that the two sides can be upgraded one after the other. */
function parseProtocol(protocol: unknown): number {
  if (protocol === keeperProtocol || protocol === keeperProtocol - 1) return protocol;
  throw new BelayError({
    code: "BELAY_KEEPER_PROTOCOL",
    message: `the other side speaks keeper protocol ${String(protocol)}, this keeper speaks ${keeperProtocol} and ${keeperProtocol - 1}`,
    next: "Run `belay down`, then `belay up` with one version of Belay.",
  });
}

function parseSpec(spec: unknown): ProcessSpec {
  if (!isRecord(spec)) throw invalid("a run without a spec");
  const name = text(spec["name"], "name");
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,199}$/.test(name)) throw invalid(`a process name that cannot name a log file: ${name}`);
  const memory = spec["memoryBytesMax"];
  const argv = texts(spec["argv"], "argv");
  if (argv.length === 0) throw invalid("an empty argv");
  return {
    name,
    argv,
    cwd: text(spec["cwd"], "cwd"),
    env: record(spec["env"], "env"),
    sockets: texts(spec["sockets"], "sockets"),
    keys: record(spec["keys"], "keys"),
    ...(spec["sealedEnv"] === undefined ? {} : { sealedEnv: text(spec["sealedEnv"], "sealedEnv") }),
    memoryBytesMax: memory === null ? null : amount(memory, "memoryBytesMax"),
    graceMs: amount(spec["graceMs"], "graceMs"),
    ...(spec["isBackground"] === true ? { isBackground: true } : {}),
  };
}

function text(value: unknown, field: string): string {
  if (typeof value === "string") return value;
  throw invalid(`a ${field} that is no text`);
}

function texts(value: unknown, field: string): readonly string[] {
  if (Array.isArray(value)) return value.map((item) => text(item, field));
  throw invalid(`a ${field} that is no list`);
}

function record(value: unknown, field: string): Readonly<Record<string, string>> {
  if (!isRecord(value)) throw invalid(`a ${field} that is no object`);
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, text(item, field)]));
}

function amount(value: unknown, field: string): number {
  if (typeof value === "number" && Number.isFinite(value) && value >= 0) return value;
  throw invalid(`a ${field} that is no amount`);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function invalid(what: string): BelayError {
  return new BelayError({
    code: "BELAY_KEEPER_REQUEST_INVALID",
    message: `the keeper was sent ${what}`,
    next: "Use one version of Belay on both sides: run `belay down`, then `belay up`.",
  });
}
