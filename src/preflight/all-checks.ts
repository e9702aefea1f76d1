import type { ChecksSpec } from "../manifest/checks.ts";
import { api } from "./api.ts";
import { artifact } from "./artifact.ts";
import { audit } from "./audit.ts";
import { changelog } from "./changelog.ts";
import type { Check } from "./check.ts";
import { config } from "./config.ts";
import { customCheck } from "./custom.ts";
import { infrastructure } from "./infrastructure.ts";
import { lockfile } from "./lockfile.ts";
import { migrations } from "./migrations.ts";
import { review } from "./review.ts";
import { rollback } from "./rollback.ts";
import { runbook } from "./runbook.ts";
import { scannerCheck } from "./scanners.ts";
import { secrets } from "./secrets.ts";
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
  windows,
  rollback,
  changelog,
  tag,
  runbook,
  infrastructure,
  review,
  tests,
  audit,
];

/** Those of a manifest: Belay's own, and the service's. */
export function checksOf(spec: ChecksSpec): readonly Check[] {
  return [...builtInChecks, ...spec.scanners.map(scannerCheck), ...spec.custom.map(customCheck)];
}

/** What there is to look at when the files are those of a release that serves here, and only its configuration is another. */
export const configReleaseChecks: readonly Check[] = [config, windows];
