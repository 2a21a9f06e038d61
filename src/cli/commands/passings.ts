import type { Command } from 'commander';
import { wholeNumber } from '../arguments.js';
import type { Context } from '../context.js';
import { examples } from '../help.js';
import { withFormat } from '../output/formats.js';
import type { ExportOptions } from '../passings/export.js';
import type { ImportOptions } from '../passings/import.js';
import type { TailOptions } from '../passings/tail.js';
import { withRecordOptions } from '../records/options.js';

export function addPassings(program: Command, context: Context): void {
  const passings = program.command('passings').description('passings: export, import, tail');
  addExport(passings, context);
  addImport(passings, context);
  addTail(passings, context);
}

function addExport(passings: Command, context: Context): void {
  const command = withFormat(passings.command('export'))
    .description('write a session, or what a device has read, to a file or to standard output')
    .option('--session <token>', 'the passings of this session')
    .option('--first <n>', 'of a session: from this num_passing on', wholeNumber(0))
    .option('--last <n>', 'of a session: up to this num_passing', wholeNumber(0))
    .option('--device <id>', 'the passings of this device, over all of its sessions')
    .option('--from <time>', 'of a device: from this time on, 2026-05-03T09:30:00Z')
    .option('--to <time>', 'of a device: up to this time')
    .option('-o, --output <file>', 'write to a file, which appears when it is complete; .csv, .jsonl and .json say how')
    .option('--force', 'replace a file that exists')
    .option('--spreadsheet', 'CSV: an apostrophe before cells that a spreadsheet would take for a formula')
    .action(async (options: ExportOptions) => (await import('../passings/export.js')).exportPassings(context, options));
  examples(command, [
    'rufus passings export --session TOKEN -o finish.csv',
    'rufus passings export --session TOKEN --first 100 --last 199 --json',
    'rufus passings export --device DEVICE --from 2026-05-03T09:00:00+02:00 -o finish.jsonl',
    'rufus passings export --session TOKEN | gzip > finish.csv.gz',
  ]);
}

function addImport(passings: Command, context: Context): void {
  const command = withRecordOptions(passings.command('import'))
    .description('send the passings of a file to a session; running it again is safe')
    .argument('<file>', 'CSV with a header, or JSON lines; - for standard input')
    .option('--session <token>', 'where they go')
    .option(
      '--first-number <n>',
      'where the file has no num_passing: that of its first record (default: 1)',
      wholeNumber(0),
    )
    .option('--skip-bad', 'send what can be sent, and end with exit code 6')
    .option('--dry-run', 'read the file, and send nothing')
    .action(async (file: string, options: ImportOptions) =>
      (await import('../passings/import.js')).importPassings(context, file, options),
    );
  command.addHelpText(
    'after',
    `
The file is checked first, and compared with what the session holds; only then something is sent, in order. What the session
holds already is not sent again: run the same command again wherever it was stopped.

A file with a column num_passing keeps its numbers. In one without, records are numbered in their order, from --first-number on.`,
  );
  examples(command, [
    'rufus passings import finish.csv --session TOKEN',
    'rufus passings import finish.csv --dry-run',
    'rufus passings import times.txt --session TOKEN --columns bib,timestamp --delimiter ";" --date 2026-05-03 --timezone Europe/Madrid',
    'zcat finish.jsonl.gz | rufus passings import - --session TOKEN',
  ]);
}

function addTail(passings: Command, context: Context): void {
  const command = withFormat(passings.command('tail'), { elsewhere: 'jsonl', formats: ['table', 'csv', 'jsonl'] })
    .description('print the passings of devices as they come, until Ctrl-C')
    .argument('<device...>', 'their deviceids')
    .option('--cursors <file>', 'remember there what has been printed, and go on behind it the next time')
    .option('--from-start', "begin with the first passing of a device's newest session, not with the next one to come")
    .action(async (devices: string[], options: TailOptions) =>
      (await import('../passings/tail.js')).tailPassings(context, devices, options),
    );
  command.addHelpText(
    'after',
    `
With --cursors each passing is printed once in all runs together, whatever happens between them: its line is written first, and
then the cursor. Where the power goes, or kill -9 comes, just between the two, that one line comes twice.
A device that the file knows goes on there, with --from-start or without.`,
  );
  examples(command, [
    'rufus passings tail DEVICE',
    'rufus passings tail START FINISH --from-start --json | my-results-program',
    'rufus passings tail DEVICE --cursors finish.cursors >> finish.jsonl',
  ]);
}
