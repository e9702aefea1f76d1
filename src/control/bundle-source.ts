import type { ReceivedBundle, Releases } from "../release/releases.ts";
import type { DeployRequest } from "./requests.ts";

/** Where belay.yml of a deploy is read from: the commit in the repository, or the bundle that brought it along. */
export async function manifestSource(
  releases: Pick<Releases, "readFile" | "readBundle">,
  bundle: string | undefined,
): Promise<Pick<Releases, "readFile">> {
  return bundle === undefined ? releases : fromBundle(await releases.readBundle(bundle));
}

/** The request with what its bundle says of itself: nobody can give a bundle another commit. Without one, no digest is known yet. */
export async function trustBundle(
  releases: Pick<Releases, "readBundle">,
  request: DeployRequest,
): Promise<DeployRequest & { readonly digest?: string }> {
  if (request.bundle === undefined) return request;
  const { commit, isDirty, root, digest } = await releases.readBundle(request.bundle);
  return { ...request, commit, isDirty, root, digest };
}

function fromBundle({ manifest, root }: ReceivedBundle): Pick<Releases, "readFile"> {
  const own = root === "" ? "belay.yml" : `${root}/belay.yml`;
  return { readFile: async (_, path) => (path === own ? manifest : undefined) };
}
