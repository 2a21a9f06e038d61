#!/usr/bin/env node
import { VERSION } from '../version.js';

const args = process.argv.slice(2);
// Answered before anything is loaded: scripts ask for it at every start.
if (args.length === 1 && (args[0] === '--version' || args[0] === '-V')) process.stdout.write(`${VERSION}\n`);
else await (await import('./main.js')).main(args);
