/** The payload of a parsed answer: the API documents both `{"body": …}` and the bare object. */
export function openEnvelope(parsed: unknown): unknown {
  return isRecord(parsed) && Object.hasOwn(parsed, 'body') ? parsed.body : parsed;
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** What the server says in words, where it does. Cleaned before it is cut: half a token would not be known for one. */
export function descriptionOf(payload: unknown, clean: (words: string) => string = String): string | undefined {
  if (!isRecord(payload)) return undefined;
  const { description, message } = payload;
  const words = description ?? message;
  return typeof words === 'string' && words !== '' ? clean(words).slice(0, 300) : undefined;
}
