import type { ControlPlane } from "../control/control-plane.ts";
import type { PrincipalDesk } from "../control/principals.ts";
import { silentLog } from "../ports/log.ts";
import type { Releases } from "../release/releases.ts";
import { createApi, openApiHead } from "./create-api.ts";

/** The OpenAPI document of the API, from the routes themselves. Nothing is asked of an inside, so none is needed. */
export function openApiDocument(): object {
  const nobody = {};
  const app = createApi({
    controlPlane: nobody as ControlPlane,
    releases: nobody as Releases,
    principals: nobody as PrincipalDesk,
    log: silentLog,
    auth: { kind: "socket" },
  });
  return app.getOpenAPI31Document(openApiHead);
}
