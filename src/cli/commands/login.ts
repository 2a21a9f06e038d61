import type { Command } from 'commander';
import { CommandError } from '../command-error.js';
import type { Context } from '../context.js';
import { examples } from '../help.js';
import { type FormatOptions, withFormat } from '../output/formats.js';
import { printList } from '../output/print.js';
import { DEFAULT_PROFILE, profileNames, readProfile, removeProfile } from '../profiles.js';

export function addLogin(program: Command, context: Context): void {
  const login = program
    .command('login')
    .description('check an API key, and keep it for the commands to come')
    .action(async () => (await import('../login.js')).login(context));
  examples(login, [
    'rufus login                                    asks for the key, and does not show it',
    'rufus login --profile club                     then: rufus --profile club devices list',
    'rufus login --api-key-file - < key.txt',
    'rufus login --base-url http://127.0.0.1:4010/v0 --profile sandbox',
  ]);

  program
    .command('logout')
    .description('forget a key that was kept')
    .action(async () => {
      const { profile = DEFAULT_PROFILE } = context.options;
      if (!(await removeProfile(profile)))
        throw new CommandError(`There is no profile ${profile}. See: rufus profiles`);
      context.screen.note(`Forgotten: profile ${profile}. The key itself still works.`);
    });

  withFormat(program.command('profiles'))
    .description('list the profiles of "rufus login"')
    .action(async (options: FormatOptions) => {
      const fields = ['profile', 'base_url'] as const;
      const rows = await Promise.all(
        (await profileNames()).map(async (profile) => ({
          profile,
          base_url: (await readProfile(profile))?.baseUrl ?? null,
        })),
      );
      await printList(context, options, { all: fields, table: fields }, [rows]);
    });
}
