import type { Context } from "hono";
import { HTTPException } from "hono/http-exception";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import { BelayError } from "../errors.ts";
import type { Log } from "../ports/log.ts";

export interface ErrorBody {
  readonly code: string;
  readonly message: string;
  readonly next: string;
}

/** The first entry that the code ends or starts with decides. A code that is not listed is a refusal: 409. */
const statusOfCode: readonly (readonly [RegExp, ContentfulStatusCode])[] = [
  [/^BELAY_API_(UNAUTHENTICATED|TOKEN_EXPIRED)$/, 401],
  [/^BELAY_API_FORBIDDEN$|^BELAY_PERSON_NEEDED$|^BELAY_APPROVAL_(OWN|NOT_YOURS)$/, 403],
  [/^BELAY_API_(HOST|ORIGIN)_REFUSED$/, 403],
  [/^BELAY_API_CONTENT_TYPE$/, 415],
  [/^BELAY_API_NOT_FOUND$/, 404],
  [/_TOO_LARGE$/, 413],
  [/^BELAY_API_/, 400],
  [/^BELAY_INTERNAL$/, 500],
  [/^BELAY_CONFIG_KEY_/, 503],
  [/_UNKNOWN$|_NOT_FOUND$|_MISSING$/, 404],
  [/^BELAY_MANIFEST_|^BELAY_CONFIG_REFUSED$|_INVALID$/, 422],
  [/^BELAY_CONFIG_DAMAGED$/, 503],
  [/^BELAY_BUNDLE_/, 422],
  [/^BELAY_LEDGER_UNWRITABLE$|^BELAY_KEEPER_|^BELAY_LINK_|_UNAVAILABLE$/, 503],
];

export function statusOf(code: string): ContentfulStatusCode {
  return statusOfCode.find(([pattern]) => pattern.test(code))?.[1] ?? 409;
}

/** Turns whatever was thrown into the three fields. A bug is logged whole and shown without its insides. */
export function answerError(error: unknown, context: Context, log: Log): Response {
  if (error instanceof BelayError) return context.json(toBody(error), statusOf(error.code));
  if (error instanceof HTTPException && error.status < 500) {
    const next = "Send what /api/v1/openapi.json describes.";
    return context.json({ code: "BELAY_API_BAD_REQUEST", message: error.message, next } satisfies ErrorBody, error.status);
  }
  log.error("the API failed on a request", {
    method: context.req.method,
    path: context.req.path,
    error: error instanceof Error ? (error.stack ?? error.message) : String(error),
  });
  const message = "the control plane failed on this request because of a bug";
  const next = "Look into the control plane's log for the cause, and report it.";
  return context.json({ code: "BELAY_INTERNAL", message, next } satisfies ErrorBody, 500);
}

export function toBody({ code, message, next }: BelayError): ErrorBody {
  return { code, message, next };
}
