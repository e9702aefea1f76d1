import type { X509Certificate } from "node:crypto";
import { statSync } from "node:fs";
import type { SecureContext } from "node:tls";
import { type CertificatePair, certificateFilesOf, certificateNames, readCertificate } from "../ports/certificate-files.ts";
import type { Log } from "../ports/log.ts";
import type { CertificatesReport } from "../routing/front-counts.ts";

interface Certificate {
  readonly name: string;
  readonly leaf: X509Certificate;
  readonly context: SecureContext;
  readonly pair: CertificatePair;
  /** What the files were when they were read; another one means to read them again. */
  readonly state: string;
}

/**
 * The certificates of a folder: in a folder for each `fullchain.pem` and `privkey.pem`, as ACME clients write them. Which one a
 * client gets is decided by the names in it.
 */
export class Certificates {
  readonly #folder: string;
  readonly #log: Log;
  #byName: ReadonlyMap<string, Certificate> = new Map();
  /** Files that could not be used, so that each is complained of once. */
  #refused = new Map<string, string>();

  constructor({ folder, log }: { readonly folder: string; readonly log: Log }) {
    this.#folder = folder;
    this.#log = log;
  }

  /** Takes over what has changed. What cannot be used leaves the one before in its place. Handshakes under way are not touched. */
  reload(): void {
    const names = this.#names();
    if (names === null) return;
    const next = new Map<string, Certificate>();
    for (const name of names) {
      const before = this.#byName.get(name);
      const certificate = this.#read(name, before);
      if (certificate !== undefined) next.set(name, certificate);
    }
    this.#byName = next;
    for (const name of this.#refused.keys()) if (!names.includes(name)) this.#refused.delete(name);
  }

  /** For a client that asks for this host; without a match the first by name, so that the client sees whose server it met. */
  contextFor(host: string): SecureContext | undefined {
    return (this.#covering(host) ?? this.#byName.values().next().value)?.context;
  }

  /** For clients that name no host; undefined when there is none at all. */
  get first(): CertificatePair | undefined {
    return this.#byName.values().next().value?.pair;
  }

  report(): CertificatesReport {
    return {
      served: Array.from(this.#byName.values(), ({ name, leaf }) => ({ name, endsAtMs: leaf.validToDate.getTime() })),
      unusable: this.#refused.size,
    };
  }

  covers(host: string): boolean {
    return this.#covering(host) !== undefined;
  }

  #covering(host: string): Certificate | undefined {
    if (host === "") return undefined;
    for (const certificate of this.#byName.values()) if (certificate.leaf.checkHost(host) !== undefined) return certificate;
    return undefined;
  }

  /** Null when the folder cannot be read now: what is served stays. */
  #names(): readonly string[] | null {
    try {
      const names = certificateNames(this.#folder);
      this.#refused.delete("");
      return names;
    } catch (cause) {
      const why = (cause as Error).message;
      if (this.#refused.get("") !== why) this.#log.warn("the folder of certificates cannot be read", { why });
      this.#refused.set("", why);
      return null;
    }
  }

  #read(name: string, before: Certificate | undefined): Certificate | undefined {
    let state = "";
    try {
      state = certificateFilesOf(this.#folder, name).map(stateOf).join(" ");
      if (this.#refused.get(name) === state) return before;
      if (before?.state === state) {
        this.#refused.delete(name);
        return before;
      }
      const certificate = readCertificate(this.#folder, name);
      this.#refused.delete(name);
      this.#log.info("serves a certificate", { name, validTo: certificate.leaf.validTo });
      return { name, state, ...certificate };
    } catch (cause) {
      // Files are replaced one after the other: a pair that does not match yet is read again when it has changed.
      if (this.#refused.get(name) !== state)
        this.#log.warn("a certificate cannot be used", { name, why: (cause as Error).message });
      this.#refused.set(name, state);
      return before;
    }
  }
}

/** Follows links: an ACME client turns them to what it has renewed. */
function stateOf(file: string): string {
  const { ino, size, mtimeMs } = statSync(file);
  return `${ino} ${size} ${mtimeMs}`;
}
