import type { Command } from 'commander';
import type { Context } from '../context.js';
import type { DoctorOptions } from '../doctor/doctor.js';
import { examples } from '../help.js';
import { withFormat } from '../output/formats.js';

export function addDoctor(program: Command, context: Context): void {
  const command = withFormat(program.command('doctor'), { elsewhere: 'table', formats: ['table', 'csv', 'jsonl'] })
    .description('look at all that stands between this machine and RUFUS Cloud; changes nothing there')
    .option('--device <id>', 'look at this device, too')
    .option('--outbox <folder>', 'look at the disk on which an outbox lives, or is to live')
    .action(async (options: DoctorOptions) => (await import('../doctor/doctor.js')).doctor(context, options));
  command.addHelpText(
    'after',
    `
Each line is ok, a warning, or wrong, and says what to do. The exit code is 0 unless something is wrong.
What the key may do is found out by closing a session and unbinding a device that nobody has: both are refused.`,
  );
  examples(command, [
    'rufus doctor',
    'rufus doctor --device DEVICE --outbox /var/lib/timing/finish',
    'rufus doctor --json',
  ]);
}
