import { type Command, InvalidArgumentError, Option } from 'commander';

/** The options that say how lines are read. */
export function recordOptions(command: Command): Command {
  return command
    .addOption(
      new Option('--format <format>', 'what the lines are (default: as the first one shows)').choices(['csv', 'jsonl']),
    )
    .option(
      '--columns <names>',
      'the columns of a CSV without a header: bib,chip,timestamp; one without a name is left out',
      names,
    )
    .option('--delimiter <character>', 'what separates the cells, such as ; or tab (default: ,)', delimiter)
    .option('--timezone <zone>', 'of times that have none, such as Europe/Madrid (default: they are refused)')
    .addOption(
      new Option(
        '--ambiguous <choice>',
        'what a time means that the change of the clocks has made exist twice or not at all (default: it is refused)',
      ).choices(['earlier', 'later']),
    )
    .option('--date <date>', 'the day of times of day: 2024-04-21, or 2024-04-21T18:00 for the 24 hours from then on');
}

const names = (text: string): string[] => text.split(',').map((name) => name.trim());

function delimiter(text: string): string {
  const character = text === 'tab' || text === '\\t' ? '\t' : text;
  if (character.length !== 1 || /["\r\n]/.test(character))
    throw new InvalidArgumentError('It must be one character, or tab.');
  return character;
}
