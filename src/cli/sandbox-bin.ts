#!/usr/bin/env node
import { Command } from 'commander';
import { describeSandbox } from './commands/sandbox.js';
import { main } from './main.js';
import { asRoot } from './program.js';

// `rufus sandbox` under a name of its own.
await main(process.argv.slice(2), (context) => describeSandbox(asRoot(new Command('rufus-sandbox')), context));
