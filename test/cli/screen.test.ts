import { expect, test } from 'vitest';
import { Screen } from '../../src/cli/screen.js';

/** A terminal that remembers what it was sent. */
function terminal(columns: number, isTTY = true) {
  const sent: string[] = [];
  return { sent, screen: new Screen({ isTTY, columns, write: (text) => sent.push(text) }, { NO_COLOR: '1' }) };
}

test('a status line never wraps, whatever is written in it', () => {
  const { sent, screen } = terminal(20);
  screen.status('東京マラソン、フィニッシュ、東京マラソン');
  screen.clearStatus();
  screen.status('a'.repeat(19));
  screen.clearStatus();
  screen.status('a'.repeat(20));
  // Each of the wide characters takes two columns.
  expect(sent.filter((text) => text !== '\r\x1b[K')).toEqual([
    '\r東京マラソン、フィ…\x1b[K',
    `\r${'a'.repeat(19)}\x1b[K`,
    `\r${'a'.repeat(18)}…\x1b[K`,
  ]);
});

test('a status line is not drawn more often than an eye can follow, and one write draws it', () => {
  const { sent, screen } = terminal(80);
  for (let count = 0; count < 1_000; count++) screen.status(`Importing ${count}`);
  expect(sent).toEqual(['\rImporting 0\x1b[K']);
});

test('lines that stay go above it', () => {
  const { sent, screen } = terminal(80);
  screen.status('Importing');
  screen.note('note');
  screen.clearStatus();
  screen.error('failed');
  expect(sent.join('')).toBe('\rImporting\x1b[K\r\x1b[Knote\n\rImporting\x1b[K\r\x1b[Krufus: failed\n');
});

test('control characters in it do not reach the terminal', () => {
  const { sent, screen } = terminal(80);
  screen.status('\x1b[2J\u202eevil');
  expect(sent).toEqual(['\r\ufffd[2J\ufffdevil\x1b[K']);
});

test('where nobody looks there is none', () => {
  const pipe = terminal(80, false);
  pipe.screen.status('Importing');
  const quiet = terminal(80);
  quiet.screen.quiet = true;
  quiet.screen.status('Importing');
  quiet.screen.note('note');
  quiet.screen.warn('warning');
  expect([pipe.sent, quiet.sent]).toEqual([[], []]);
});
