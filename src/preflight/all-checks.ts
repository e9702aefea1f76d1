import type { ChecksSpec } from "../manifest/checks.ts";
import { api } from "./api.ts";
import { artifact } from "./artifact.ts";
import { audit } from "./audit.ts";
import { changelog } from "./changelog.ts";
import type { Check } from "./check.ts";
import { config } from "./config.ts";
import { conformance } from "./conformance.ts";
import { customCheck } from "./custom.ts";
import { infrastructure } from "./infrastructure.ts";
import { kpis } from "./kpis.ts";
import { lockfile } from "./lockfile.ts";
import { migrations } from "./migrations.ts";
import { mocks } from "./mocks.ts";
import { parity } from "./parity.ts";
import { postman } from "./postman.ts";
import { review } from "./review.ts";
import { rollback } from "./rollback.ts";
import { runbook } from "./runbook.ts";
import { scannerCheck } from "./scanners.ts";
import { secrets } from "./secrets.ts";
import { session } from "./session.ts";
import { tag } from "./tag.ts";
import { tests } from "./tests.ts";
import { windows } from "./windows.ts";

/** Every check that Belay brings, in the order in which it is shown: those that only read files come first. */
export const builtInChecks: readonly Check[] = [
  config,
  artifact,
  secrets,
  lockfile,
  migrations,
  api,
  mocks,
  windows,
  rollback,
  changelog,
  tag,
  runbook,
  kpis,
  parity,
  infrastructure,
  review,
  tests,
  audit,
  conformance,
  postman,
  session,
];

/** Those of a manifest: Belay's own, and the service's. */
export function checksOf(spec: ChecksSpec): readonly Check[] {
  return [...builtInChecks, ...spec.scanners.map(scannerCheck), ...spec.custom.map(customCheck)];
}

/** What there is to look at when the files are those of a release that serves here, and only its configuration is another. */
export const configReleaseChecks: readonly Check[] = [config, windows];

/** Those that ask a release while it runs in an environment that comes before another, as far as the manifest asks for them. */
export function stagingChecksOf(spec: ChecksSpec): readonly Check[] {
  return builtInChecks.filter(({ inStaging }) => inStaging !== undefined && inStaging.whyNotAsked(spec) === null);
}
