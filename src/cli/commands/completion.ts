import { Argument, type Command } from 'commander';
import { examples } from '../help.js';
import { stdout } from '../output/stdout.js';

type Shell = 'bash' | 'zsh' | 'fish';

export function addCompletion(program: Command): void {
  const command = program
    .command('completion')
    .description('print what lets a shell complete commands and options by Tab')
    .addArgument(new Argument('<shell>').choices(['bash', 'zsh', 'fish']))
    .action(async (shell: Shell) => stdout.write((await import('../completion.js')).SCRIPTS[shell]));
  examples(command, [
    'source <(rufus completion bash)                                     in ~/.bashrc',
    'source <(rufus completion zsh)                                      in ~/.zshrc',
    'rufus completion fish > ~/.config/fish/completions/rufus.fish',
  ]);

  // What those ask.
  program
    .command('complete', { hidden: true })
    .argument('[words...]')
    .action(async (words: string[]) => {
      const { candidates } = await import('../completion.js');
      const found = await candidates(program, words);
      await stdout.write(found.map(({ value, description }) => `${value}\t${description}\n`).join(''));
    });
}
