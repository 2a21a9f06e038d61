/** C0, DEL and C1, and what turns the direction of writing: a name must not move a terminal's cursor. */
const CONTROL = /[\p{Cc}\u202a-\u202e\u2066-\u2069]/gu;

/** Text from elsewhere as a terminal may show it. */
export function printable(text: string): string {
  return text.replace(CONTROL, '\ufffd');
}
