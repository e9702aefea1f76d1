import { createHash } from "node:crypto";

/**
 * Style and script of a release, under names that hash their content. They are published to the shared database before
 * the release serves, and any release serves all of them: a visitor whose page came from one release and whose next request
 * goes to another misses nothing.
 */
export function createAssets(release, database) {
  const publish = (stem, extension, type, body) => {
    const hash = createHash("sha256").update(body).digest("hex").slice(0, 10);
    const path = `/assets/${stem}.${hash}.${extension}`;
    database.publishAsset({ path, type, body });
    return path;
  };
  return {
    stylePath: publish("app", "css", "text/css", style(release)),
    scriptPath: publish("app", "js", "text/javascript", script(release)),
    find: (path) => database.findAsset(path),
  };
}

const style = ({ accent }) => `:root { --accent: ${accent}; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 44rem; margin: 2rem auto; padding: 0 1rem; color: #222; }
header { border-bottom: 4px solid var(--accent); display: flex; gap: 1rem; align-items: baseline; }
header h1 { flex: 1; color: var(--accent); }
ul { list-style: none; padding: 0; display: grid; grid-template-columns: repeat(auto-fill, minmax(12rem, 1fr)); gap: 1rem; }
li { border: 1px solid #ddd; border-radius: 8px; padding: 1rem; }
button { background: var(--accent); color: white; border: 0; border-radius: 6px; padding: 0.5rem 1rem; cursor: pointer; }
`;

const script = ({ name }) => `document.documentElement.dataset.release = ${JSON.stringify(name)};
`;
