import { inspect } from 'node:util';

/** A token as it may be shown: its first characters, enough to tell two apart. */
export function shorten(token: string): string {
  return token.length > 8 ? `${token.slice(0, 8)}…` : `${token.slice(0, Math.floor(token.length / 2))}…`;
}

const KEY = /ror-[0-9a-f]{8,}/gi;
const TOKEN = /[0-9A-F]{64,}/gi;
/** Half a surrogate pair, which nothing encodes. */
const BROKEN_TEXT = /\p{Cs}/gu;

/** Takes out what looks like a key or a token, and the secrets of this very call, which may look like anything. */
export function redact(text: string, secrets: readonly string[] = []): string {
  let shown = text;
  for (const secret of secrets) {
    if (secret.length < 4) continue;
    shown = shown.replaceAll(secret, shorten(secret));
    const encoded = encodeURIComponent(secret.replace(BROKEN_TEXT, '\uFFFD'));
    if (encoded !== secret) shown = shown.replaceAll(encoded, shorten(secret));
  }
  return shown.replace(KEY, 'ror-…').replace(TOKEN, shorten);
}

/** A request id as it may be shown: a gateway may echo what it was sent, at any length. */
export function shownId(requestId: string | undefined, secrets: readonly string[]): string | undefined {
  return requestId === undefined ? undefined : redact(requestId, secrets).slice(0, 200);
}

/** undici's parser quotes the answer from where it gave up, which may be the middle of a secret. */
const QUOTE = /^\s*data: /m;

/** Someone else's error, for `cause`: itself, or a copy of its message if it quotes a secret (a mock that prints the headers it saw, say). */
export function safeCause(cause: unknown, secrets: readonly string[]): unknown {
  if (!(cause instanceof Error)) return cause;
  const shown = inspect(cause, { depth: 6, showHidden: true, maxStringLength: null });
  if (redact(shown, secrets) === shown && !QUOTE.test(shown)) return cause;
  const copy = new Error(redact(cause.message, secrets));
  copy.name = cause.name;
  copy.stack = redact(cause.stack ?? copy.message, secrets);
  return 'code' in cause ? Object.assign(copy, { code: cause.code }) : copy;
}
