import type { CertificateFacts } from "../ports/certificate-files.ts";
import { type Finding, fail, pass, warn } from "./findings.ts";

const about = "certificates";
/** ACME clients renew a month before the end: two weeks before it something has gone wrong. */
const soonMs = 14 * 86_400_000;
const renew = "Renew it, and look at why that did not happen by itself; Belay takes it over within 5 s.";

export interface CertificateQuestion {
  readonly certificates: readonly CertificateFacts[];
  /** Of all routes that are served. */
  readonly hosts: readonly string[];
  /** Whether Belay listens for TLS. */
  readonly isServed: boolean;
}

/** Pure: what visitors who come by TLS will meet, and how to mend it. */
export function checkCertificates({ certificates, hosts, isServed }: CertificateQuestion, nowMs: number): readonly Finding[] {
  if (isServed && certificates.length === 0)
    return [
      fail(
        about,
        "there is none, so no visitor comes in by TLS",
        "Link a folder with fullchain.pem and privkey.pem into certificates/ of the data folder.",
      ),
    ];
  return [
    ...certificates.map((certificate) => checkOne(certificate, nowMs)),
    ...(isServed ? [...new Set(hosts)].flatMap((host) => checkHost(host, certificates)) : []),
  ];
}

function checkOne(certificate: CertificateFacts, nowMs: number): Finding {
  if ("why" in certificate)
    return fail(
      about,
      certificate.name === ""
        ? `they cannot be read: ${certificate.why}`
        : `${certificate.name}: it cannot be used: ${certificate.why}`,
      "Mend its files. Visitors meet the certificate before it, if there was one, but only until a proxy worker is started anew.",
    );
  const { name, names, validFromMs, validToMs } = certificate;
  const whose = `${name}: for ${names.join(", ")}`;
  if (validToMs <= nowMs) return fail(about, `${whose}, and it ended ${dayOf(validToMs)}`, renew);
  if (validFromMs > nowMs)
    return fail(
      about,
      `${whose}, and it begins ${dayOf(validFromMs)} only`,
      "Take the one before until then, or set this machine's clock.",
    );
  const words = `${whose}, until ${dayOf(validToMs)}`;
  return validToMs - nowMs < soonMs ? warn(about, words, renew) : pass(about, words);
}

function checkHost(host: string, certificates: readonly CertificateFacts[]): readonly Finding[] {
  if (host === "*" || host === "localhost") return [];
  const asked = host.replace(/^\*\./, "any.");
  if (certificates.some((certificate) => "covers" in certificate && certificate.covers(asked))) return [];
  return [
    warn(
      about,
      `no certificate is for ${host}`,
      "Visitors who come by TLS meet another host's, and browsers stop there; plain requests are served. Link one for it into certificates/.",
    ),
  ];
}

function dayOf(ms: number): string {
  return Temporal.Instant.fromEpochMilliseconds(ms).toString().slice(0, 10);
}
