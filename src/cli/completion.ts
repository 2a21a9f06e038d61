// What the Tab key offers. The shells ask the command itself, so that there is one list of commands and options: its own.
import type { Command, Option } from 'commander';
import { profileNames } from './profiles.js';

export interface Candidate {
  readonly value: string;
  readonly description: string;
}

/** What may stand in place of the last word. Nothing where only the user knows it: the shells then offer files. */
export async function candidates(program: Command, words: readonly string[]): Promise<Candidate[]> {
  const before = words.slice(0, -1);
  const word = words.at(-1) ?? '';
  const { command, awaited } = walk(program, before);
  const all = awaited === undefined ? namesIn(command, program, word) : await valuesOf(awaited);
  return all.filter(({ value }) => value.startsWith(word));
}

/** The command that the words name, and the option whose value is to come. */
function walk(program: Command, words: readonly string[]): { command: Command; awaited: Option | undefined } {
  let command = program;
  let awaited: Option | undefined;
  for (const word of words) {
    // bash takes `--format=csv` apart.
    if (word === '=' && awaited !== undefined) continue;
    if (awaited !== undefined) awaited = undefined;
    else if (word.startsWith('-')) awaited = optionsOf(command, program).find((option) => takesNext(option, word));
    else command = command.commands.find((known) => known.name() === word) ?? command;
  }
  return { command, awaited };
}

const takesNext = (option: Option, word: string): boolean =>
  option.required && (option.long === word || option.short === word);

const optionsOf = (command: Command, program: Command): Option[] =>
  (command === program ? [command] : [command, program])
    .flatMap((each) => [...each.createHelp().visibleOptions(each)])
    .filter(({ hidden }) => !hidden);

function namesIn(command: Command, program: Command, word: string): Candidate[] {
  if (word.startsWith('-')) {
    return optionsOf(command, program).map(({ long, short, description }) => ({
      value: long ?? short ?? '',
      description,
    }));
  }
  const choices = command.registeredArguments.flatMap(({ argChoices = [] }) => argChoices);
  return [
    ...command
      .createHelp()
      .visibleCommands(command)
      .map((each) => ({ value: each.name(), description: each.description() })),
    ...choices.map((value) => ({ value, description: '' })),
  ];
}

async function valuesOf({ argChoices = [], long }: Option): Promise<Candidate[]> {
  const values = long === '--profile' ? await profileNames() : argChoices;
  return values.map((value) => ({ value, description: '' }));
}

/** For each shell the lines that it has to read once. The words travel as arguments: nothing that was typed is evaluated. */
export const SCRIPTS = {
  bash: `# rufus completion bash: source this in ~/.bashrc
_rufus() {
  local candidate
  COMPREPLY=()
  while IFS=$'\\t' read -r candidate _; do COMPREPLY+=("$candidate"); done \\
    < <(rufus complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -o default -F _rufus rufus
`,
  zsh: `#compdef rufus
# rufus completion zsh: source this in ~/.zshrc, behind compinit, or save it as _rufus in a folder of $fpath
_rufus() {
  local -a candidates
  local value description
  while IFS=$'\\t' read -r value description; do candidates+=("\${value//:/\\\\:}:$description"); done \\
    < <(rufus complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)
  if (( \${#candidates} )); then _describe rufus candidates; else _files; fi
}
if [[ "\${funcstack[1]}" == _rufus ]]; then _rufus "$@"; else compdef _rufus rufus; fi
`,
  fish: `# rufus completion fish: save this as ~/.config/fish/completions/rufus.fish
function __rufus_complete
  set -l candidates (rufus complete -- (commandline -opc)[2..-1] (commandline -ct) 2>/dev/null)
  if test (count $candidates) -gt 0
    string join \\n -- $candidates
  else
    __fish_complete_path (commandline -ct)
  end
end
complete -c rufus -f -a '(__rufus_complete)'
`,
} as const;
