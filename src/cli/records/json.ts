import { LineError } from './line-error.js';

/** The name of a member, and what tells it from a value: its colon. */
const NAME = /"[^"\\]*(?:\\.[^"\\]*)*"\s*:/g;

/** The members of the JSON object that a line is. Its values are scalars, and their texts are what UTF-8 can hold. */
export function membersOf(text: string): Record<string, unknown> {
  const value = parsed(text);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new LineError('is no JSON object');
  const members = value as Record<string, unknown>;
  const names = Object.keys(members);
  for (const name of names) {
    if (typeof members[name] === 'object' && members[name] !== null)
      throw new LineError('has an object or a list in it');
  }
  // JSON.parse keeps the last of two members with one name, and says nothing.
  if (text.match(NAME)?.length !== names.length && names.length > 0) throw new LineError('has a field twice');
  // In a line of UTF-8 without NUL bytes, only an escape can make these.
  if (text.includes('\\u')) for (const name of names) checkText(name, members[name]);
  return members;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new LineError('is no JSON');
  }
}

function checkText(name: string, value: unknown): void {
  if (typeof value !== 'string') return;
  if (value.includes('\0')) throw new LineError(`${name}: has a NUL character`);
  if (/\p{Surrogate}/u.test(value))
    throw new LineError(`${name}: has half of a surrogate pair, which UTF-8 cannot hold`);
}
