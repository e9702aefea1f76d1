import type { World } from "./world.ts";

/** Sortable and readable: service, day, and four hex digits of chance. */
export function rolloutId(service: string, { clock, random }: Pick<World, "clock" | "random">): string {
  const day = clock.now().toString().slice(0, 10).replaceAll("-", "");
  const chance = [...random.bytes(3)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return `${service}-${day}-${chance}`;
}
