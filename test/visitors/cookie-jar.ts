/** The cookies of one visitor of one site: what a browser keeps, without what a test has no use for (paths, domains, dates). */
export class CookieJar {
  readonly #cookies = new Map<string, string>();

  /** Takes in the `set-cookie` lines of one answer. An empty value or `Max-Age=0` forgets the cookie. */
  store(lines: readonly string[]): void {
    for (const line of lines) {
      const [pair = "", ...attributes] = line.split(";");
      const name = pair.slice(0, pair.indexOf("=")).trim();
      const value = pair.slice(pair.indexOf("=") + 1).trim();
      const isForgotten = value === "" || attributes.some((attribute) => /^\s*max-age\s*=\s*(0|-\d+)\s*$/i.test(attribute));
      if (isForgotten) this.#cookies.delete(name);
      else this.#cookies.set(name, value);
    }
  }

  has(name: string): boolean {
    return this.#cookies.has(name);
  }

  /** The `cookie` header of the next request; empty when there is none to send. */
  header(): string {
    return [...this.#cookies].map(([name, value]) => `${name}=${value}`).join("; ");
  }
}
