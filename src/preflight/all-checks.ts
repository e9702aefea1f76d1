import type { ChecksSpec } from "../manifest/checks.ts";
import { artifact } from "./artifact.ts";
import type { Check } from "./check.ts";
import { customCheck } from "./custom.ts";
import { lockfile } from "./lockfile.ts";
import { migrations } from "./migrations.ts";
import { secrets } from "./secrets.ts";
import { windows } from "./windows.ts";

/** Every check that Belay brings, in the order in which it is shown. */
export const builtInChecks: readonly Check[] = [artifact, secrets, lockfile, migrations, windows];

/** Those of a manifest: Belay's own, and the service's. */
export function checksOf(spec: ChecksSpec): readonly Check[] {
  return [...builtInChecks, ...spec.custom.map(customCheck)];
}
