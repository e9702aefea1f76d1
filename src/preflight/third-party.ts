/**
 * What a package manager put there: published by others, so that its keys and source maps are no secrets of ours. Looking into it
 * found nothing but test keys (docs/decisions has the count).
 */
export function isOfOthers(path: string): boolean {
  return /(?:^|\/)(?:node_modules|site-packages|dist-packages|bower_components)\//.test(path) || /^vendor\//.test(path);
}
