/** One form of secret. `words` are looked for first: a regular expression runs only over a file that holds one of them. */
export interface SecretRule {
  readonly name: string;
  readonly words: readonly string[];
  /** Global. Its first group, if it has one, is the secret itself. */
  readonly pattern: RegExp;
  /** A prefix of a provider is near certain; an assignment that looks random is not. */
  readonly level: "fail" | "warn";
  readonly what: string;
  /** Where it is revoked. */
  readonly revoke: string;
}

const atProvider = (page: string) => `at ${page}`;
const whereMade = "where it was made";

export const secretRules: readonly SecretRule[] = [
  {
    name: "private-key",
    words: ["PRIVATE KEY"],
    pattern:
      /-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----[\s\\nr]*(?:[\w-]{1,40}: [^\n]{0,200}\n\s*){0,8}[A-Za-z0-9+/=]{16}/g,
    level: "fail",
    what: "a private key",
    revoke: whereMade,
  },
  {
    name: "aws-access-key",
    words: ["AKIA", "ASIA"],
    pattern: /\b((?:AKIA|ASIA)[A-Z2-7]{16})\b/g,
    level: "fail",
    what: "an access key of AWS",
    revoke: atProvider("https://console.aws.amazon.com/iam"),
  },
  {
    name: "aws-secret-key",
    words: ["aws", "AWS"],
    pattern: /aws.{0,20}?secret.{0,20}?['"=:\s]([A-Za-z0-9/+]{40})(?![A-Za-z0-9/+=])/gi,
    level: "fail",
    what: "a secret key of AWS",
    revoke: atProvider("https://console.aws.amazon.com/iam"),
  },
  {
    name: "github-token",
    words: ["ghp_", "gho_", "ghs_", "ghu_", "ghr_", "github_pat_"],
    pattern: /\b(gh[pousr]_[A-Za-z0-9]{36,255}|github_pat_[A-Za-z0-9_]{82})\b/g,
    level: "fail",
    what: "a token of GitHub",
    revoke: atProvider("https://github.com/settings/tokens"),
  },
  {
    name: "gitlab-token",
    words: ["glpat-"],
    pattern: /\b(glpat-[\w-]{20,})/g,
    level: "fail",
    what: "a token of GitLab",
    revoke: atProvider("https://gitlab.com/-/user_settings/personal_access_tokens"),
  },
  {
    name: "slack-token",
    words: ["xoxa-", "xoxb-", "xoxe-", "xoxo-", "xoxp-", "xoxr-", "xoxs-", "hooks.slack.com"],
    pattern: /\bxox[abeoprs]-[\w-]{20,}|hooks\.slack\.com\/services\/T\w+\/B\w+\/\w+/g,
    level: "fail",
    what: "a token or webhook of Slack",
    revoke: atProvider("https://api.slack.com/apps"),
  },
  {
    name: "stripe-key",
    words: ["sk_live_", "rk_live_"],
    pattern: /\b([sr]k_live_[A-Za-z0-9]{20,})/g,
    level: "fail",
    what: "a live key of Stripe",
    revoke: atProvider("https://dashboard.stripe.com/apikeys"),
  },
  {
    name: "npm-token",
    words: ["npm_"],
    pattern: /\b(npm_[A-Za-z0-9]{36})\b/g,
    level: "fail",
    what: "a token of npm",
    revoke: "by `npm token revoke`",
  },
  {
    name: "npmrc-auth",
    words: ["_authToken", "_password"],
    pattern: /(?<!\/)\/\/[^\s=]{1,300}:_(?:authToken|password)\s*=\s*((?!\$\{)[^\s"']{8,})/g,
    level: "fail",
    what: "a password of a package registry",
    revoke: "by `npm token revoke`",
  },
  {
    name: "anthropic-key",
    words: ["sk-ant-"],
    pattern: /\b(sk-ant-[a-z]+\d\d-[\w-]{80,})/g,
    level: "fail",
    what: "a key of Anthropic",
    revoke: atProvider("https://console.anthropic.com/settings/keys"),
  },
  {
    name: "openai-key",
    words: ["T3BlbkFJ"],
    pattern: /\b(sk-[\w-]{0,100}T3BlbkFJ[\w-]{20,})/g,
    level: "fail",
    what: "a key of OpenAI",
    revoke: atProvider("https://platform.openai.com/api-keys"),
  },
  {
    name: "google-key",
    words: ["AIza"],
    pattern: /\b(AIza[\w-]{35})(?![\w-])/g,
    level: "fail",
    what: "an API key of Google",
    revoke: atProvider("https://console.cloud.google.com/apis/credentials"),
  },
  {
    name: "sendgrid-key",
    words: ["SG."],
    pattern: /\b(SG\.[\w-]{22}\.[\w-]{43})(?![\w-])/g,
    level: "fail",
    what: "a key of SendGrid",
    revoke: atProvider("https://app.sendgrid.com/settings/api_keys"),
  },
  {
    name: "database-password",
    words: ["postgres", "mysql", "mongodb", "redis", "amqp"],
    pattern:
      /\b(?:postgres(?:ql)?|mysql|mongodb(?:\+srv)?|rediss?|amqps?):\/\/[^\s:@/"'`$<{]*:([^\s:@/"'`$<{]{4,})@(?!(?:localhost|127\.0\.0\.1|db|host|postgres|mysql|redis|mongo)(?![\w.-])|(?:[\w-]+\.)*example\.(?:com|org|net))[\w.-]+/g,
    level: "fail",
    what: "a password of a database",
    revoke: "in the database",
  },
  {
    name: "url-password",
    words: ["https://"],
    pattern: /\bhttps:\/\/[^\s:@/'"`$<{]+:([^\s:@/'"`$<{]{8,})@(?!(?:[\w-]+\.)*example\.(?:com|org|net))[\w-]+\./g,
    level: "warn",
    what: "a password in a URL",
    revoke: whereMade,
  },
  {
    name: "jwt",
    words: ["eyJ"],
    pattern: /\b(eyJ[\w-]{10,1000}\.eyJ[\w-]{10,4000}\.[\w-]{20,1000})/g,
    level: "warn",
    what: "a signed token (JWT)",
    revoke: "by changing the key that signed it",
  },
  {
    name: "assignment",
    words: [
      "SECRET",
      "PASSWORD",
      "PASSWD",
      "TOKEN",
      "API_KEY",
      "PRIVATE_KEY",
      "secret",
      "password",
      "passwd",
      "token",
      "api_key",
      "apiKey",
    ],
    pattern:
      /\b[\w.-]{0,40}(?:secret|password|passwd|token|api_?key|private_?key)(?:_?(?:key|value))?["']?\s*(?:=|:)\s*["'`]([A-Za-z0-9+/_=.!@#%^&*-]{16,200})["'`]/gi,
    level: "warn",
    what: "a value that looks random, assigned to a name that sounds secret",
    revoke: whereMade,
  },
];

const placeholder =
  /^(?:x+|\*+|change.?me.*|todo.*|.*example.*|your[-_ ].*|.*placeholder.*|dummy.*|fake.*|test.*|password|passwd|secret|pass|<.*>|\$\{.*\}|%.*%)$/i;
/** Below it the text is more a word than a random value; measured on names, words and keys. */
const bitsPerCharacterMin = 3.7;

/** Whether what a rule found is there to be replaced, or is no random value where only randomness tells. */
export function isHarmless({ name }: SecretRule, found: string, secret: string): boolean {
  if (placeholder.test(secret) || /EXAMPLE|x{8,}|X{8,}|0{12,}|(?:1234567890){2}/.test(found)) return true;
  return name === "assignment" && (entropyOf(secret) < bitsPerCharacterMin || !/\d/.test(secret));
}

/** Bits for each character, by how often each occurs. */
function entropyOf(text: string): number {
  const counts = new Map<string, number>();
  for (const character of text) counts.set(character, (counts.get(character) ?? 0) + 1);
  let bits = 0;
  for (const count of counts.values()) bits -= (count / text.length) * Math.log2(count / text.length);
  return bits;
}
