import type { OpenAPIHono, z } from "@hono/zod-openapi";
import type { ControlPlane } from "../control/control-plane.ts";
import type { PrincipalDesk } from "../control/principals.ts";
import type { Log } from "../ports/log.ts";
import type { Releases } from "../release/releases.ts";
import type { ApiEnv } from "./access.ts";
import { errorSchema } from "./schemas.ts";

export type ApiApp = OpenAPIHono<ApiEnv>;

/** What the routes ask of the inside. */
export interface ApiInside {
  readonly controlPlane: ControlPlane;
  readonly releases: Releases;
  readonly principals: Pick<PrincipalDesk, "create" | "revoke" | "map" | "list" | "find">;
  readonly log: Log;
}

interface JsonContent<T> {
  readonly description: string;
  readonly content: { readonly "application/json": { readonly schema: z.ZodType<T> } };
}

/** An answer of a route in the OpenAPI document. */
export function answers<T>(description: string, schema: z.ZodType<T>): JsonContent<T> {
  return { description, content: { "application/json": { schema } } };
}

/** The answer of every route that cannot do what it was asked. */
export const refusal: { readonly default: JsonContent<z.infer<typeof errorSchema>> } = {
  default: answers("What went wrong, and what to do now.", errorSchema),
};

/** A required JSON body. */
export function body<Out, In>(
  schema: z.ZodType<Out, In>,
): {
  readonly body: {
    readonly required: true;
    readonly content: { readonly "application/json": { readonly schema: z.ZodType<Out, In> } };
  };
} {
  return { body: { required: true, content: { "application/json": { schema } } } };
}
