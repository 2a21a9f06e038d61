import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { BIN, rufus, temporaryFolder } from './support/rufus.js';

const isThere = (shell: string) => process.platform !== 'win32' && spawnSync(shell, ['--version']).status === 0;

describe('what is offered', () => {
  test.each([
    [['pass'], ['passings']],
    [
      ['passings', ''],
      ['export', 'import', 'tail', 'help'],
    ],
    [
      ['fleet', ''],
      ['follow', 'serve', 'status', 'passings', 'help'],
    ],
    [['forward', '--nats', 'n1', '--bo'], ['--box']],
    [['--quiet', '--base-url', 'x', 'passings', 'e'], ['export']],
    [
      ['passings', 'export', '--fo'],
      ['--format', '--force'],
    ],
    [
      ['passings', 'export', '--format', ''],
      ['table', 'csv', 'jsonl', 'json'],
    ],
    [
      ['passings', 'export', '--format', '=', 'js'],
      ['jsonl', 'json'],
    ],
    [['events', 'list', '--prof'], ['--profile']],
    [
      ['completion', ''],
      ['bash', 'zsh', 'fish'],
    ],
    [['passings', 'import', ''], []],
    [['passings', 'export', '--session', ''], []],
    [['no', 'such', '--thing'], []],
  ])('%j: %j', async (words, offered) => {
    const { code, stdout, stderr } = await rufus(['complete', '--', ...words]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(
      stdout
        .split('\n')
        .slice(0, -1)
        .map((line) => line.split('\t')[0]),
    ).toEqual(offered);
  });

  test('of profiles, those that are kept', async () => {
    const XDG_CONFIG_HOME = temporaryFolder();
    mkdirSync(join(XDG_CONFIG_HOME, 'rufus/profiles'), { recursive: true });
    for (const name of ['club', 'race']) writeFileSync(join(XDG_CONFIG_HOME, `rufus/profiles/${name}.json`), '{}');
    const { stdout } = await rufus(['complete', '--', '--profile', ''], { env: { XDG_CONFIG_HOME } });
    expect(stdout).toBe('club\t\nrace\t\n');
  });
});

describe('in a shell', () => {
  /** Runs a script in which `rufus` is on the path, behind the completion that it prints for this shell. */
  async function inShell(shell: 'bash' | 'zsh' | 'fish', script: string): Promise<string> {
    const folder = temporaryFolder();
    writeFileSync(join(folder, 'rufus'), `#!/bin/sh\nexec '${process.execPath}' '${BIN}' "$@"\n`, { mode: 0o755 });
    const { stdout } = await rufus(['completion', shell]);
    writeFileSync(join(folder, 'completion'), stdout);
    const env = { ...process.env, PATH: `${folder}${delimiter}${process.env.PATH}`, HOME: folder };
    const ran = spawnSync(shell, ['-c', script.replaceAll('COMPLETION', join(folder, 'completion'))], {
      env,
      cwd: folder,
      encoding: 'utf8',
    });
    expect(ran.stderr).toBe('');
    return ran.stdout;
  }

  test.runIf(isThere('bash'))('bash offers them, and evaluates nothing that was typed', async () => {
    const script = `source COMPLETION; source COMPLETION
      offered() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _rufus; echo "\${COMPREPLY[*]}"; }
      offered rufus passings e; offered rufus passings export --format = ''; offered rufus '$(echo pwned >&2)' ''`;
    const [commands, formats] = (await inShell('bash', script)).split('\n');
    expect([commands, formats]).toEqual(['export', 'table csv jsonl json']);
  });

  test.runIf(isThere('zsh'))('zsh offers them with what they are', async () => {
    const script = `compdef() {}; _describe() { print -l -- $candidates }; _files() { print files }
      source COMPLETION
      words=(rufus passings e); CURRENT=3; _rufus
      words=(rufus passings import ''); CURRENT=4; _rufus`;
    expect(await inShell('zsh', script)).toMatch(/^export:write a session, .*\nfiles\n$/);
  });

  test.runIf(isThere('fish'))('fish offers them with what they are', async () => {
    const offered = await inShell(
      'fish',
      `source COMPLETION; complete -C 'rufus passings e'; complete -C 'rufus passings export --format c'`,
    );
    expect(offered).toMatch(/^export\twrite a session, .*\ncsv\n$/);
  });
});

test('another shell is refused', async () => {
  const { code, stderr } = await rufus(['completion', 'tcsh']);
  expect(code).toBe(2);
  expect(stderr).toMatch(/Allowed choices are bash, zsh, fish\./);
});
