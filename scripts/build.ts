/** `npm run build`: JavaScript of everything that `src/main.ts` reaches, in dist/, for the package. A checkout itself needs no build. */
import { execFileSync } from "node:child_process";
import { rmSync } from "node:fs";

// What an earlier build left of a file that is gone must not be packed.
rmSync("dist", { recursive: true, force: true });
execFileSync("tsc", ["--project", "tsconfig.build.json"], { stdio: "inherit" });
