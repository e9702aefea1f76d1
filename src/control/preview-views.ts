import { previewable } from "../rollout/desired.ts";
import { endOfPreview, type Preview, type PreviewKey } from "../rollout/preview.ts";
import type { Service } from "../rollout/service.ts";
import type { ServiceView } from "./control-plane.ts";

/** Previews by which somebody sees, or may come to see, a release that is not everybody's. */
export function viewPreviews(service: Service, keys: readonly PreviewKey[], now: Temporal.Instant): ServiceView["previews"] {
  const shown = previewable(service);
  return service.previews
    .filter((preview) => shown.includes(preview.release) && isSigned(preview, keys))
    .map((preview) => ({ preview, end: endOfPreview(preview) }))
    .filter(({ end }) => Temporal.Instant.compare(end, now) > 0)
    .map(({ preview: { release, by, madeAt, redeemedAt }, end }) => ({ release, by, madeAt, redeemedAt, until: end.toString() }));
}

/** Whether the key that signed the link, or the cookie once it was used, still counts. Entries of before do not say which it was. */
function isSigned({ redeemedAt, key }: Preview, keys: readonly PreviewKey[]): boolean {
  const purpose = redeemedAt === null ? "link" : "cookie";
  return key === null || keys.some((known) => known.purpose === purpose && known.id === key);
}
