/** Where programs of the system lie, whatever the caller's own PATH says. */
export const systemPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** Of the Node that runs this: the one that comes first on the PATH of what Belay starts. */
export const nodeVersion: string = process.versions.node;

/** The environment that this process was started with. For commands that act in the user's name; nothing else inherits it. */
export function userEnvironment(): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(process.env).filter((entry): entry is [string, string] => entry[1] !== undefined));
}
