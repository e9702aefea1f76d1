import type { Manifest } from "../manifest/manifest.ts";
import { effectsToLookFor } from "../manifest/shadow-meaning.ts";

/** Which routes could be tried on copies of live traffic, if their owner can say so; empty where all are declared. */
export function proposeEffects({ environments }: Pick<Manifest, "environments">, environment: string): readonly string[] {
  const undeclared = (environments[environment]?.routes ?? []).filter(({ effects }) => effects === undefined);
  if (undeclared.length === 0) return [];
  const names = undeclared.map(({ host, path }) => `${host}${path}`).join(", ");
  return [
    `Never copied to a shadow, because nothing says that requests there have no effects: ${names}.`,
    `Declare effects: writes at a route (for its GET, HEAD and OPTIONS; effects: none for all) if ${effectsToLookFor}.`,
  ];
}
