import type { ApiChecks, ChecksSpec } from "../checks.ts";
import { type Change, type Judged, onlyOf, withAllOf } from "./loosening.ts";

type Api = ChecksSpec["api"];

/** What is asked of an API in staging: no operation is skipped that was asked, and nothing that it was held against goes. Whether it is there at all is judged elsewhere. */
export function stricterApi({ was, asked }: Change<Api>): Judged<Api> {
  if (was === null || asked === null) return { value: asked, loosenings: [] };
  const text = { isSame: (one: string, other: string) => one === other, words: (item: string) => item };
  const skip = onlyOf("checks.api.skip", { was: was.skip, asked: asked.skip }, text);
  const mocks = withAllOf("checks.api.mocks", { was: was.mocks, asked: asked.mocks }, text);
  const gone = (["openapi", "postman"] as const).filter((key) => was[key] !== null && asked[key] === null);
  const kept: Partial<ApiChecks> = Object.fromEntries(gone.map((key) => [key, was[key]]));
  return {
    value: { ...asked, skip: skip.value, mocks: mocks.value, ...kept },
    loosenings: [
      ...skip.loosenings,
      ...mocks.loosenings,
      ...gone.map((key) => ({ field: `checks.api.${key}`, was: "there", asked: "none" })),
    ],
  };
}
