import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createPrivateKey } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { missing } from "../../scripts/setup-debian.ts";
import { certificateNames, readCertificate, readCertificateFacts } from "./certificate-files.ts";

test("what is wrong with the files of a certificate is said of the file", { skip: missing("openssl") }, (t) => {
  const folder = mkdtempSync(join(tmpdir(), "certificates-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const [own, other] = [make(folder, "shop.test"), make(folder, "other.test")];
  const files = {
    good: own,
    "foreign-key": { ...own, key: other.key },
    "no-certificate": { ...own, cert: "hello" },
    "no-key": { ...own, key: "hello" },
    "locked-key": { ...own, key: lock(own.key) },
    "wrong-order": { ...own, cert: other.cert + own.cert },
  };
  for (const [name, { cert, key }] of Object.entries(files)) {
    mkdirSync(join(folder, name));
    writeFileSync(join(folder, name, "fullchain.pem"), cert);
    writeFileSync(join(folder, name, "privkey.pem"), key);
  }
  mkdirSync(join(folder, "empty"));
  const told = readCertificateFacts(folder).map((facts) => `${facts.name}: ${"why" in facts ? facts.why : facts.names.join()}`);
  const notItsKey = (host: string) =>
    `privkey.pem is not the key of the first certificate in fullchain.pem, which has to be the host's own and is for ${host}`;
  assert.deepEqual(told, [
    `empty: ENOENT: no such file or directory, open '${join(folder, "empty", "fullchain.pem")}'`,
    `foreign-key: ${notItsKey("shop.test")}`,
    "good: shop.test",
    "locked-key: privkey.pem is locked by a passphrase, and nobody is there to type it",
    "no-certificate: fullchain.pem does not begin with a certificate in PEM form",
    "no-key: privkey.pem holds no key in PEM form",
    `wrong-order: ${notItsKey("other.test")}`,
  ]);
  assert.deepEqual(readCertificate(folder, "good").pair.key.toString(), own.key);
  assert.deepEqual(certificateNames(join(folder, "none")), []);
});

function make(folder: string, host: string): { readonly cert: string; readonly key: string } {
  const [key, cert] = [join(folder, `.${host}.key`), join(folder, `.${host}.pem`)];
  const files = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", key, "-out", cert];
  const subject = ["-days", "2", "-subj", `/CN=${host}`, "-addext", `subjectAltName=DNS:${host}`];
  execFileSync("openssl", ["req", "-x509", ...files, ...subject], { stdio: "ignore" });
  return { key: readFileSync(key, "utf8"), cert: readFileSync(cert, "utf8") };
}

function lock(key: string): string {
  const how = { type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase: "secret" } as const;
  return String(createPrivateKey(key).export(how));
}
