// What the guides, the README and the helps say that one may type is understood: every command, every option, every value.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { expect, test } from 'vitest';
import { Context } from '../../src/cli/context.js';
import { buildProgram } from '../../src/cli/program.js';
import { PROJECT_FOLDER } from '../support/child.js';

const DOCUMENTS = ['README.md', ...readdirSync(join(PROJECT_FOLDER, 'docs')).map((file) => `docs/${file}`)];

const allOf = (command: Command): Command[] => [command, ...command.commands.flatMap(allOf)];

/** The lines of shell blocks in which `rufus` is called. */
function calls(text: string): string[] {
  const blocks = [...text.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, block]) => block!);
  return blocks.flatMap((block) => block.split('\n')).filter((line) => /(^|[|(] ?|-p \S+ )rufus /.test(line));
}

/** The examples at the end of each command's help. */
function examplesOf(program: Command): string[] {
  return allOf(program).flatMap((command) => {
    let help = '';
    command.configureOutput({ writeOut: (text) => (help += text) }).outputHelp();
    const [, examples = ''] = help.split('\nExamples:\n');
    return examples.split('\n').filter((line) => /^ {2}.*\brufus /.test(line));
  });
}

/** The arguments of `rufus` in a line of a shell: up to a pipe, a redirection, a comment, or a remark behind three blanks. */
function argumentsIn(line: string): string[] {
  const [, call = ''] = /(?:^|[|(]| )rufus (.*)$/.exec(line.replace(/ {2,}# .*$| {3,}\S.*$/, '')) ?? [];
  const [before = ''] = call.split(/ [|>]|\)$| < | >> /);
  return [...before.matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g)].map(
    ([, single, double, bare]) => single ?? double ?? bare!,
  );
}

async function understood(line: string): Promise<void> {
  const program = buildProgram(new Context());
  for (const command of allOf(program)) {
    command.configureOutput({ writeOut: () => {}, writeErr: () => {} });
    if (command.registeredArguments.length > 0 || command.commands.length === 0) command.action(() => {});
  }
  const args = argumentsIn(line);
  const [first, ...rest] = args;
  const spelledOut = first === 'help' ? [...rest, '--help'] : args;
  await program.parseAsync(spelledOut, { from: 'user' }).catch((error: Error & { exitCode?: number }) => {
    if (error.exitCode !== 0) throw new Error(`${line}: ${error.message}`);
  });
}

test.each(DOCUMENTS)('%s', async (document) => {
  for (const line of calls(readFileSync(join(PROJECT_FOLDER, document), 'utf8'))) await understood(line);
});

test('the helps', async () => {
  const examples = examplesOf(buildProgram(new Context()));
  expect(examples.length).toBeGreaterThan(30);
  for (const line of examples) await understood(line);
});

test('the guides show every command', () => {
  const guide = DOCUMENTS.flatMap((document) => calls(readFileSync(join(PROJECT_FOLDER, document), 'utf8'))).map(
    argumentsIn,
  );
  const leaves = allOf(buildProgram(new Context())).filter(({ commands }) => commands.length === 0);
  const missing = leaves
    .map((command) => (command.parent?.parent ? [command.parent.name(), command.name()] : [command.name()]))
    .filter((words) => !guide.some((args) => words.every((word) => args.includes(word))))
    .map((words) => words.join(' '));
  expect(missing.filter((name) => name !== 'complete')).toEqual([]);
});
