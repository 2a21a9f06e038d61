import type { Disk } from './disk.js';

const README = `This folder is a RUFUS outbox: chip reads on their way to RUFUS Cloud. Change nothing in it while it is in use.

  *.log            not delivered yet, or delivered just now
  delivered/*.log  delivered, kept for a while as a backup
  parked/*.log     refused by the server, with the reason

A line is "checksum number {json}". To get the passings out with nothing but a shell:

  grep -hs '"passing":' *.log delivered/*.log | cut -d' ' -f3-
  grep -hs '"reason":' parked/*.log | cut -d' ' -f3-
`;

/** Tells whoever finds the folder what it is, and how to get at the passings without us. */
export async function writeReadme(disk: Disk, folder: string): Promise<void> {
  if ((await disk.list(folder)).includes('README.txt')) return;
  // Nothing depends on it: not on a full disk either.
  const file = await disk.open(`${folder}/README.txt`, 'create').catch(() => null);
  await file?.write(Buffer.from(README), 0).catch(() => undefined);
  await file?.close().catch(() => undefined);
}
