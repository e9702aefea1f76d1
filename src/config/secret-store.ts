import { BelayError } from "../errors.ts";
import { isReservedName, variableName } from "../manifest/config-contract.ts";
import { nearest } from "../manifest/suggest.ts";
import type { Clock } from "../ports/clock.ts";
import { maskedLengthMin } from "../ports/masking.ts";
import type { Sealing } from "../ports/sealing.ts";
import type { Given, Place, SecretView } from "./configs.ts";
import type { SealedFiles } from "./sealed-files.ts";

const valueBytesMax = 32 * 1024;

/** Of older versions only who and when is kept: a value that was replaced is replaced everywhere but in the releases that have it. */
interface KeptSecret extends Given {
  readonly version: number;
  /** Null once it was unset. */
  readonly value: string | null;
}

type Secrets = Readonly<Record<string, KeptSecret>>;

/** Secrets of each service in each environment, by name and version. */
export class SecretStore {
  readonly #files: SealedFiles;
  readonly #clock: Pick<Clock, "now">;

  constructor(files: SealedFiles, clock: Pick<Clock, "now">) {
    this.#files = files;
    this.#clock = clock;
  }

  nextVersions(place: Place, values: Readonly<Record<string, string>>): Readonly<Record<string, number>> {
    refuseInvalid(values);
    const present = this.#read(place);
    return Object.fromEntries(Object.keys(values).map((name) => [name, (own(present, name)?.version ?? 0) + 1]));
  }

  set(place: Place, values: Readonly<Record<string, string>>, by: string): readonly SecretView[] {
    const versions = this.nextVersions(place, values);
    const at = this.#clock.now().toString();
    const changed = Object.entries(values).map(([name, value]): [string, KeptSecret] => [
      name,
      { version: versions[name] ?? 1, value, by, at },
    ]);
    this.#files.write(nameOf(place), { ...this.#read(place), ...Object.fromEntries(changed) });
    return this.list(place).filter(({ name }) => Object.hasOwn(values, name));
  }

  unset(place: Place, name: string, by: string): SecretView {
    const { version } = this.require(place, name);
    const kept: KeptSecret = { version: version + 1, value: null, by, at: this.#clock.now().toString() };
    this.#files.write(nameOf(place), { ...this.#read(place), [name]: kept });
    return this.#view(place, name, kept);
  }

  list(place: Place): readonly SecretView[] {
    return Object.entries(this.#read(place))
      .map(([name, kept]) => this.#view(place, name, kept))
      .sort((one, other) => (one.name < other.name ? -1 : 1));
  }

  /** Undefined when it was never set, or was unset. */
  find(place: Place, name: string): (KeptSecret & { readonly value: string }) | undefined {
    const kept = own(this.#read(place), name);
    return kept === undefined || kept.value === null ? undefined : { ...kept, value: kept.value };
  }

  /** Throws `BELAY_SECRET_UNKNOWN`. */
  require(place: Place, name: string): KeptSecret & { readonly value: string } {
    const found = this.find(place, name);
    if (found !== undefined) return found;
    const meant = nearest(name, this.names(place));
    throw new BelayError({
      code: "BELAY_SECRET_UNKNOWN",
      message: `${place.service} has no secret ${name} in ${place.environment}${meant === undefined ? "" : `; there is ${meant}`}`,
      next: `Run \`belay secret list --environment ${place.environment}\` to see the names, or \`belay secret set ${name}\`.`,
    });
  }

  /** Those that are set. */
  names(place: Place): readonly string[] {
    return this.list(place).flatMap(({ name, fingerprint }) => (fingerprint === null ? [] : [name]));
  }

  /** The other environments in which the service has secrets. */
  otherEnvironments({ environment, service }: Place): readonly string[] {
    return this.#files
      .names(prefix)
      .map((name) => name.slice(prefix.length).split("."))
      .flatMap(([other = "", of]) => (of === service && other !== environment ? [other] : []));
  }

  #view(place: Place, name: string, { version, value, by, at }: KeptSecret): SecretView {
    const fingerprint = value === null ? null : fingerprintIn(place, value, this.#files.sealing());
    return { name, version, fingerprint, by, at };
  }

  #read(place: Place): Secrets {
    return (this.#files.read(nameOf(place)) as Secrets | undefined) ?? {};
  }
}

const prefix = "secrets.";

/** Neither of the two names has a dot in it. */
function nameOf({ environment, service }: Place): string {
  return `${prefix}${environment}.${service}`;
}

function own(secrets: Secrets, name: string): KeptSecret | undefined {
  return Object.hasOwn(secrets, name) ? secrets[name] : undefined;
}

function refuseInvalid(values: Readonly<Record<string, string>>): void {
  const problems = Object.entries(values).flatMap(([name, value]) => {
    const problem = problemOf(name, value);
    return problem === undefined ? [] : [`${name.slice(0, 128)} ${problem}`];
  });
  if (problems.length === 0) return;
  throw new BelayError({
    code: "BELAY_SECRET_INVALID",
    message: problems.join("; "),
    next: "Correct what is said there and set all of them again: nothing was changed.",
  });
}

function problemOf(name: string, value: string): string | undefined {
  if (!variableName.test(name)) return "is not a name of letters, digits and _";
  if (isReservedName(name)) return "belongs to Belay or to the system: choose another name";
  if (value.includes("\0")) return "has a NUL byte in its value, which no environment can hold";
  if (Buffer.byteLength(value) > valueBytesMax) return `has a value of more than ${valueBytesMax} bytes`;
  const length = value.trim().length;
  return length < maskedLengthMin
    ? `has a value of ${length} characters: at least ${maskedLengthMin}, or it could not be masked`
    : undefined;
}

/** Of a value in its place: whoever sets secrets elsewhere and sees both cannot try guesses of it. */
export function fingerprintIn({ environment, service }: Place, value: string, sealing: Pick<Sealing, "fingerprint">): string {
  return sealing.fingerprint(JSON.stringify([environment, service, value]));
}
