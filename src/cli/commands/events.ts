import type { Command } from 'commander';
import type { RaceEvent } from 'rufus-client';
import type { Context } from '../context.js';
import { examples } from '../help.js';
import { type Fields, type FormatOptions, withFormat } from '../output/formats.js';
import { itemsOf, printList } from '../output/print.js';

const EVENT: Fields<RaceEvent> = {
  all: ['event_token', 'name', 'edition', 'location', 'start_date', 'end_date', 'status'],
  table: ['name', 'edition', 'location', 'start_date', 'end_date', 'status', 'event_token'],
};

export function addEvents(program: Command, context: Context): void {
  const events = program.command('events').description("the company's events");

  withFormat(events.command('list'))
    .description('list the events')
    .action(async (options: FormatOptions) => {
      const client = await context.client();
      await printList(context, options, EVENT, itemsOf(client.events.list({}, context.call).pages()));
    });

  examples(events, ['rufus events list', 'rufus events list --json']);
}
