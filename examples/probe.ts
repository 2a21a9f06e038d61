// Finds out what the documentation leaves open, on a server of your choice: npx tsx examples/probe.ts --help
import { confirmed } from './probe/confirm.js';
import { readOptions, USAGE } from './probe/options.js';
import { probe } from './probe/probe.js';
import { openTarget } from './probe/target.js';

const options = readOptions(process.argv.slice(2));
if (options === 'help') {
  console.log(USAGE);
} else {
  await using target = await openTarget(options);
  if (options.live && !options.yes && !(await confirmed(target))) {
    console.error('Nothing was written.');
    process.exitCode = 2;
  } else {
    const { report, isComplete } = await probe(target, options);
    console.log(report);
    if (!isComplete) process.exitCode = 1;
  }
}
