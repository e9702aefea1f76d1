/** A word as programs name things: lower case, upper case, Capitalised or camelCase. Random letters have one-letter humps. */
const word = "(?:[a-z]{1,20}|[A-Z]{2,10}|[A-Z]?[a-z]{1,20}(?:[A-Z][a-z]{1,20}){0,4})";
const suffix = "(?:atom|css|gif|htm|html|ico|jpg|js|json|map|mjs|pdf|php|png|rss|svg|txt|wasm|webmanifest|webp|woff|xml)";
const name = new RegExp(`^(?:[._]?${word}(?:[-_]${word}){0,2}(?:\\.${suffix})?|v\\d{1,2}|oauth2)$`);
const randomLetters = /[bcdfghjklmnpqrstvwxz]{6}|^[a-f]{8,}$/i;

/** A longer one is no name. */
export const nameLengthMax = 40;

/**
 * Whether a segment of a path looks like a name that the program gave. What does not (ids, numbers, hashes, tokens, e-mail
 * addresses, anything encoded, titles of more than three words) may be somebody's, and is never kept.
 */
export function isName(segment: string): boolean {
  return segment.length <= nameLengthMax && name.test(segment) && !randomLetters.test(segment);
}

/** Words by which a GET says that it does something. */
const verbs: ReadonlySet<string> = new Set(
  (
    "accept activate activation add approve auth beacon buy callback cancel checkout click clicks confirm confirmation count counter cron " +
    "delete disable enable hit hits hook hooks invitation invite join like login logoff logout mail notify oauth oauth2 pay pixel " +
    "redeem refresh remove reset rotate run send session sessions signin signoff signout sms sso start stop subscribe sync " +
    "token tokens track tracking trigger unsubscribe verification verify vote webhook webhooks"
  ).split(" "),
);

/** Whether a name sounds as if asking for it had an effect. */
export function soundsLikeAnEffect(segment: string): boolean {
  const words = segment
    .replace(/([a-z])(?=[A-Z])/g, "$1-")
    .toLowerCase()
    .split(/[-_.]/);
  return words.some((each) => verbs.has(each)) || verbs.has(words.join(""));
}
