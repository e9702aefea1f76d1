import type { Loosening } from "../../rollout/loosening.ts";
import type { ApiChecks } from "../checks.ts";
import { type Change, type Judged, onlyOf, withAllOf } from "./loosening.ts";

const text = { isSame: (one: string, other: string) => one === other, words: (item: string) => item };

/**
 * What is held against the description of an API. The description stays where it was, too: under another name there would be nothing to
 * compare it with.
 */
export function stricterApi({ was, asked }: Change<ApiChecks | null>): Judged<ApiChecks | null> {
  if (was === null) return { value: asked, loosenings: [] };
  if (asked === null) return { value: was, loosenings: [{ field: "checks.api", was: "there", asked: "none" }] };
  const openapi = stillNamed("checks.api.openapi", { was: was.openapi, asked: asked.openapi });
  const skip = onlyOf("checks.api.skip", { was: was.skip, asked: asked.skip }, text);
  const mocks = withAllOf("checks.api.mocks", { was: was.mocks, asked: asked.mocks }, text);
  const isPostmanGone = was.postman !== null && asked.postman === null;
  const postman: readonly Loosening[] = isPostmanGone ? [{ field: "checks.api.postman", was: "there", asked: "none" }] : [];
  return {
    value: {
      ...asked,
      openapi: openapi.value,
      skip: skip.value,
      mocks: mocks.value,
      postman: isPostmanGone ? was.postman : asked.postman,
    },
    loosenings: [...openapi.loosenings, ...skip.loosenings, ...mocks.loosenings, ...postman],
  };
}

/** Something with a name that may come, and neither go nor become another. */
export function stillNamed(field: string, { was, asked }: Change<string | null>): Judged<string | null> {
  if (was === null || was === asked) return { value: asked, loosenings: [] };
  return { value: was, loosenings: [{ field, was, asked: asked ?? "none" }] };
}
