import type { Command } from 'commander';
import type { Session } from 'rufus-client';
import { CommandError } from '../command-error.js';
import type { Context } from '../context.js';
import { EXIT } from '../exit-codes.js';
import { examples } from '../help.js';
import { type Fields, type FormatOptions, withFormat } from '../output/formats.js';
import { printList, printOne } from '../output/print.js';

const SESSION: Fields<Session> = {
  all: ['token_session', 'alias', 'creation_date', 'active', 'passings', 'duration', 'first', 'last'],
  table: ['token_session', 'alias', 'active', 'passings', 'creation_date'],
};
const RECEIPT = ['token_session', 'description'] as const;

export function addSessions(program: Command, context: Context): void {
  const sessions = program.command('sessions').description('sessions of a device: list, look up, create, close');

  withFormat(sessions.command('list'))
    .description('list the sessions of a device')
    .argument('<device>', 'its deviceid')
    .action(async (device: string, options: FormatOptions) => {
      const client = await context.client();
      await printList(context, options, SESSION, [await client.sessions.listByDevice(device, context.call)]);
    });

  withFormat(sessions.command('active'))
    .description('show the active session of a device')
    .argument('<device>', 'its deviceid')
    .action(async (device: string, options: FormatOptions) => {
      const client = await context.client();
      const active = await client.sessions.getActive(device, context.call);
      if (active === null) {
        throw new CommandError(
          'The device has no active session, or there is no such device: see rufus devices list.',
          EXIT.notFound,
        );
      }
      await printOne(context, options, SESSION.all, active);
    });

  withFormat(sessions.command('get'))
    .description('show one session, open or closed')
    .argument('<token>', 'its token_session')
    .action(async (token: string, options: FormatOptions) => {
      const client = await context.client();
      await printOne(context, options, SESSION.all, await client.sessions.get(token, context.call));
    });

  withFormat(sessions.command('create'))
    .description('open a session, and print its token; this closes the active one of the device')
    .argument('<device>', 'its deviceid')
    .option('--alias <text>', 'a name for people')
    .action(async (deviceid: string, options: FormatOptions & { alias?: string }) => {
      const client = await context.client();
      const { alias } = options;
      await printOne(context, options, RECEIPT, await client.sessions.create({ deviceid, alias }, context.call));
    });

  withFormat(sessions.command('close'))
    .description('close a session for good; it stays readable')
    .argument('<token>', 'its token_session')
    .action(async (token: string, options: FormatOptions) => {
      const client = await context.client();
      await printOne(context, options, RECEIPT, await client.sessions.close(token, context.call));
    });

  examples(sessions, [
    'rufus sessions list DEVICE',
    'rufus sessions active DEVICE --json',
    "rufus sessions create DEVICE --alias 'City run, finish'",
    'rufus sessions close TOKEN',
  ]);
}
