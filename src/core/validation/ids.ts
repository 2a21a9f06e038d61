import type { Issue } from '../../types.js';

/** It holds a lone half of a surrogate pair, which no URL can carry. */
export function isBroken(text: string): boolean {
  return /\p{Cs}/u.test(text);
}

/** What is wrong with a `deviceid` or `token_session`, undefined where nothing is. Such an id becomes a part of a path. */
export function idFault(value: unknown): string | undefined {
  if (typeof value !== 'string') return 'expected text';
  if (value === '') return 'expected text that is not empty';
  if (value === '.' || value === '..') return 'expected an id, not a step in a path';
  return isBroken(value) ? 'expected well-formed Unicode text' : undefined;
}

/** The same as issues, under the name that the caller knows. */
export function checkId(field: string, value: unknown): Issue[] {
  const message = idFault(value);
  return message === undefined ? [] : [{ path: [field], message }];
}
