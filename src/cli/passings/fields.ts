import type { Passing } from 'rufus-client';
import { passingTime } from 'rufus-client';
import type { Fields } from '../output/formats.js';

export const PASSING: Fields<Passing> = {
  all: [
    'timestamp',
    'num_passing',
    'latitude',
    'longitude',
    'status',
    'bib',
    'chip',
    'participant_id',
    'timezone',
    'gender',
    'token_session',
    'deviceid',
  ],
  table: ['num_passing', 'timestamp', 'bib', 'chip', 'status', 'gender', 'participant_id', 'latitude', 'longitude'],
};

/** Times with an offset become times with `Z`. One without a zone stays as it came: nobody knows which it was. */
export function withUtcTimes(passings: readonly Passing[]): readonly Passing[] {
  return passings.every(isUtc) ? passings : passings.map((passing) => (isUtc(passing) ? passing : inUtc(passing)));
}

const isUtc = ({ timestamp }: Passing): boolean => typeof timestamp === 'string' && timestamp.endsWith('Z');

function inUtc(passing: Passing): Passing {
  try {
    return { ...passing, timestamp: passingTime(passing).toISOString() };
  } catch {
    return passing;
  }
}
