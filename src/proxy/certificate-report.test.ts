// What a worker tells of the certificates that it serves, so that their end can be watched.
import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { missing } from "../../scripts/setup-debian.ts";
import type { Clock } from "../ports/clock.ts";
import { createSystemClock } from "../ports/system-clock.ts";
import type { CertificatesReport } from "../routing/front-counts.ts";
import { makeCertificate, openWorld, until } from "./loopback-world.ts";

test("a worker tells when each certificate that it serves ends, and how many in the folder it cannot use", {
  skip: missing("openssl"),
}, async (t) => {
  const clock = createSystemClock();
  const hasty: Clock = { ...clock, every: (periodMs, action) => clock.every(Math.min(periodMs, 100), action) };
  const world = await openWorld(t, { certificates: { shop: "shop.test" }, clock: hasty });
  let told: CertificatesReport | undefined;
  world.plane.onReport(({ front }) => {
    told = front?.certificates;
  });
  const endOf = (name: string) =>
    new X509Certificate(readFileSync(join(world.certificatesFolder, name, "fullchain.pem"))).validToDate.getTime();
  await until(() => told !== undefined);
  const shop = { name: "shop", endsAtMs: endOf("shop") };
  assert.deepEqual(told, { served: [shop], unusable: 0 });
  makeCertificate(world.certificatesFolder, "other", "other.test");
  await until(() => told?.served.length === 2);
  assert.deepEqual(told, { served: [{ name: "other", endsAtMs: endOf("other") }, shop], unusable: 0 });
  // What is served goes on to be told, since it is what visitors meet.
  writeFileSync(join(world.certificatesFolder, "shop", "privkey.pem"), "no key");
  await until(() => told?.unusable === 1);
  assert.deepEqual(told?.served.at(-1), shop);
  rmSync(join(world.certificatesFolder, "shop"), { recursive: true });
  await until(() => told?.served.length === 1 && told.unusable === 0);
});

test("a worker without TLS tells of no certificates", async (t) => {
  const world = await openWorld(t);
  const told: unknown[] = [];
  world.plane.onReport(({ front }) => told.push(front?.certificates));
  await until(() => told.length > 1);
  assert.equal(told.at(-1), undefined);
});
