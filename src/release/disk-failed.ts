import { BelayError } from "../errors.ts";

/** The disk under the data folder did not take a pack, a build or a bundle. */
export function diskFailed(words: string, cause?: unknown): BelayError {
  return new BelayError({
    code: "BELAY_RELEASE_DISK",
    message: `the release could not be stored: ${words}`,
    next: "Free space on the disk of the data folder, or repair its permissions, then deploy again.",
    cause,
  });
}
