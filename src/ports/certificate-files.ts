import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createSecureContext, type SecureContext } from "node:tls";

export interface CertificatePair {
  readonly cert: Buffer;
  readonly key: Buffer;
}

/** A certificate of the folder, read for those who say what is wrong with it. */
export type CertificateFacts =
  | {
      readonly name: string;
      /** Hosts, as the certificate names them. */
      readonly names: readonly string[];
      readonly validFromMs: number;
      readonly validToMs: number;
      readonly covers: (host: string) => boolean;
    }
  | { readonly name: string; readonly why: string };

/** Folders with a certificate each, in the order in which they are asked; none when there is no such folder. Throws when it cannot be read. */
export function certificateNames(folder: string): readonly string[] {
  try {
    return readdirSync(folder)
      .filter((name) => !name.startsWith("."))
      .sort();
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw cause;
  }
}

/** As ACME clients write them. */
export function certificateFilesOf(folder: string, name: string): readonly [certificates: string, key: string] {
  return [join(folder, name, "fullchain.pem"), join(folder, name, "privkey.pem")];
}

/** Throws when they cannot be read, or do not belong together. */
export function readCertificate(
  folder: string,
  name: string,
): { readonly pair: CertificatePair; readonly leaf: X509Certificate; readonly context: SecureContext } {
  const [cert, key] = certificateFilesOf(folder, name).map((file) => readFileSync(file)) as [Buffer, Buffer];
  const leaf = readLeaf(cert);
  if (!leaf.checkPrivateKey(readKey(key))) {
    const whose = hostsOf(leaf).join(", ");
    throw new Error(
      `privkey.pem is not the key of the first certificate in fullchain.pem, which has to be the host's own and is for ${whose}`,
    );
  }
  return { pair: { cert, key }, leaf, context: createSecureContext({ cert, key, minVersion: "TLSv1.2" }) };
}

/** OpenSSL's own words name neither the file nor what it should hold. */
function readLeaf(cert: Buffer): X509Certificate {
  try {
    return new X509Certificate(cert);
  } catch (cause) {
    throw new Error("fullchain.pem does not begin with a certificate in PEM form", { cause });
  }
}

function readKey(key: Buffer): KeyObject {
  try {
    return createPrivateKey(key);
  } catch (cause) {
    const isLocked = key.includes("ENCRYPTED");
    const what = isLocked ? "is locked by a passphrase, and nobody is there to type it" : "holds no key in PEM form";
    throw new Error(`privkey.pem ${what}`, { cause });
  }
}

/** What lies there now; of what a worker serves it may be newer by some seconds. */
export function readCertificateFacts(folder: string): readonly CertificateFacts[] {
  let names: readonly string[];
  try {
    names = certificateNames(folder);
  } catch (cause) {
    return [{ name: "", why: (cause as Error).message }];
  }
  return names.map((name) => {
    try {
      const { leaf } = readCertificate(folder, name);
      return {
        name,
        names: hostsOf(leaf),
        validFromMs: leaf.validFromDate.getTime(),
        validToMs: leaf.validToDate.getTime(),
        covers: (host: string) => leaf.checkHost(host) !== undefined,
      };
    } catch (cause) {
      return { name, why: (cause as Error).message };
    }
  });
}

function hostsOf({ subjectAltName, subject }: X509Certificate): readonly string[] {
  const hosts = [...(subjectAltName ?? "").matchAll(/DNS:([^,\s]+)/g)].map(([, host = ""]) => host);
  return hosts.length > 0 ? hosts : [(subject ?? "nobody").replaceAll("\n", ", ")];
}
