import type { Command } from 'commander';
import type { BindDeviceInput, Device } from 'rufus-client';
import { CommandError } from '../command-error.js';
import type { Context } from '../context.js';
import { examples } from '../help.js';
import { type Fields, type FormatOptions, withFormat } from '../output/formats.js';
import { itemsOf, printList, printOne } from '../output/print.js';
import { confirmed } from '../prompts.js';

const DEVICE: Fields<Device> = {
  all: [
    'deviceid',
    'alias',
    'type',
    'model',
    'serial_number',
    'firmware',
    'creation_date',
    'last_login',
    'last_seen',
    'sessions',
    'passings',
    'device_status',
    'battery_percentage',
    'charging',
    'last_telemetry_at',
  ],
  table: ['deviceid', 'alias', 'type', 'model', 'serial_number', 'sessions', 'battery_percentage', 'last_login'],
};

interface BindOptions extends FormatOptions {
  readonly type: string;
  readonly model: string;
  readonly serialNumber: string;
  readonly alias?: string;
  readonly firmware?: string;
  readonly ensure?: boolean;
}

export function addDevices(program: Command, context: Context): void {
  const devices = program.command('devices').description('timing devices: list, look up, bind, unbind');

  withFormat(devices.command('list'))
    .description('list the devices of the account')
    .action(async (options: FormatOptions) => {
      const client = await context.client();
      await printList(context, options, DEVICE, itemsOf(client.devices.list({}, context.call).pages()));
    });

  withFormat(devices.command('get'))
    .description('show one device')
    .argument('<id>', 'its deviceid')
    .action(async (id: string, options: FormatOptions) => {
      const client = await context.client();
      await printOne(context, options, DEVICE.all, await client.devices.get(id, context.call));
    });

  withFormat(devices.command('bind'))
    .description('bind a device to the account, and print its deviceid')
    .requiredOption('--type <text>', 'what kind of device: reader')
    .requiredOption('--model <text>', "the maker's name for it")
    .requiredOption('--serial, --serial-number <text>', 'tells it from others of its model')
    .option('--alias <text>', 'a name for people')
    .option('--firmware <text>', 'the version that it runs')
    .option('--ensure', 'it is no error if the device is bound already')
    .action(async (options: BindOptions) => {
      const client = await context.client();
      const device = deviceOf(options);
      if (options.ensure === true) {
        const bound = await client.devices.ensureBound(device, context.call);
        return printOne(context, options, ['deviceid', 'created'], bound);
      }
      await printOne(context, options, ['deviceid', 'description'], await client.devices.bind(device, context.call));
    });

  withFormat(devices.command('unbind'))
    .description("unbind a device; this deletes the device's sessions and passings, too")
    .argument('<id>', 'its deviceid')
    .option('--yes', 'do not ask')
    .action(async (id: string, options: FormatOptions & { yes?: boolean }) => {
      const client = await context.client();
      if (options.yes !== true) await askBefore(await client.devices.get(id, context.call), context);
      const unbound = await client.devices.unbind(id, context.call);
      await printOne(context, options, ['deviceid', 'description'], unbound);
    });

  examples(devices, [
    'rufus devices list',
    'rufus devices get DEVICE --json',
    'rufus devices bind --type reader --model R1 --serial-number 0042 --alias Finish',
    'rufus devices unbind DEVICE --yes',
  ]);
}

function deviceOf({ type, model, serialNumber, alias, firmware }: BindOptions): BindDeviceInput {
  return { type, model, serial_number: serialNumber, alias, firmware };
}

async function askBefore({ deviceid, alias, sessions, passings }: Device, context: Context): Promise<void> {
  const name = alias ? `${alias} (${deviceid})` : deviceid;
  const loss = `${sessions ?? 'all of its'} sessions and ${passings ?? 'all of their'} passings`;
  if (await confirmed(`Unbind ${name} and delete ${loss} on the server?`, context)) return;
  throw new CommandError('Nothing was unbound.');
}
