import * as z from "zod";
import {
  describeDuration,
  durationPattern,
  parseDuration,
  parsePercent,
  parseSize,
  percentPattern,
  sizePattern,
} from "./quantities.ts";

/** The kinds of values that belay.yml is made of, each with what an error about it says. */
const longestMs = 720 * 3_600_000;

export const dnsLabel: RegExp = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;
/** Printable ASCII without space, quotes, `?`, `#` and `*`. */
export const pathPattern: RegExp = /^\/[!$%&'()+,\-./:;=@A-Z_a-z0-9~]{0,1023}$/;

interface About {
  readonly description: string;
  readonly examples: readonly [string | number, ...(string | number)[]];
}

export function duration(
  { description, examples }: About,
  { atLeastMs = 0, atMostMs = longestMs }: { readonly atLeastMs?: number; readonly atMostMs?: number } = {},
): z.ZodType<number, string | 0> {
  return z
    .union([z.string().regex(durationPattern), z.literal(0)])
    .meta({ title: "a duration in ms, s, m or h", description, examples: [...examples] })
    .transform((text) => (text === 0 ? 0 : parseDuration(text)))
    .refine((ms) => ms >= atLeastMs, `is too short: at least ${describeDuration(atLeastMs)}`)
    .refine((ms) => ms <= atMostMs, `is too long: at most ${describeDuration(atMostMs)}`);
}

export function percent(
  { description, examples }: About,
  isAllowed: (share: number) => boolean,
  otherwise: string,
): z.ZodType<number, string> {
  return z
    .string()
    .regex(percentPattern)
    .meta({ title: "a percentage with its sign", description, examples: [...examples] })
    .transform(parsePercent)
    .refine(isAllowed, otherwise);
}

export function text(pattern: RegExp, title: string, { description, examples }: About): z.ZodType<string, string> {
  return z
    .string()
    .regex(pattern)
    .meta({ title, description, examples: [...examples] });
}

export const shellCommand: RegExp = /^(?=[^\0]*\S)[^\0]{1,10000}$/;

export function memory(description: string): z.ZodType<number, string> {
  return z
    .string()
    .regex(sizePattern)
    .meta({ title: "a size in MB or GB", description, examples: ["512MB"] })
    .transform(parseSize)
    .refine((bytes) => bytes >= 16e6, "is too small: at least 16MB");
}
