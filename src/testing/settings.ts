import type { Known } from '../core/option-names.js';
import { checkedOptions } from '../core/options.js';
import type { SandboxOptions } from './types.js';

export type Settings = { readonly [O in keyof SandboxOptions]-?: Exclude<SandboxOptions[O], undefined> };

/** What an option may be; the first is its default. */
export const CHOICES = {
  envelope: ['spec', 'flat'],
  coordinates: ['string', 'number'],
  endOfPages: ['empty', 'absent', '404'],
  bindConflict: ['deviceid', 'bare'],
  duplicates: ['number', 'none'],
  unknownKey: [403, 401],
} as const;

/** Defaults and least values. */
export const NUMBERS = {
  pageSize: { value: 5_000, min: 1 },
  maxBodyBytes: { value: 1_048_576, min: 1 },
  latencyMs: { value: 0, min: 0 },
} as const;

const NAMES = Object.keys({ ...CHOICES, ...NUMBERS });
const OPTIONS = Object.fromEntries(NAMES.map((name) => [name, true])) as Known<SandboxOptions>;

/** @throws {RangeError} for a value that an option cannot have, RufusConfigError for an option that there is not. */
export function settingsOf(options: SandboxOptions): Settings {
  checkedOptions('options', options, OPTIONS);
  const choice = <O extends keyof typeof CHOICES>(option: O): (typeof CHOICES)[O][number] => {
    const values: readonly (typeof CHOICES)[O][number][] = CHOICES[option];
    const given = options[option] ?? values[0]!;
    if (values.includes(given)) return given;
    throw new RangeError(`${option} must be one of ${values.join(', ')}, not ${given}`);
  };
  const number = (option: keyof typeof NUMBERS) => {
    const { value, min } = NUMBERS[option];
    const given = options[option] ?? value;
    if (Number.isInteger(given) && given >= min) return given;
    throw new RangeError(`${option} must be an integer of ${min} or more, not ${given}`);
  };
  return {
    envelope: choice('envelope'),
    coordinates: choice('coordinates'),
    endOfPages: choice('endOfPages'),
    bindConflict: choice('bindConflict'),
    duplicates: choice('duplicates'),
    unknownKey: choice('unknownKey'),
    pageSize: number('pageSize'),
    maxBodyBytes: number('maxBodyBytes'),
    latencyMs: number('latencyMs'),
  };
}
