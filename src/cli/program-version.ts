import { readFileSync } from "node:fs";

/** As package.json has it, which lies as far above the sources as above what is built of them. */
export function programVersion(): string {
  const { version }: { readonly version: string } = JSON.parse(
    readFileSync(new URL("../../package.json", import.meta.url), "utf8"),
  );
  return version;
}
