/** A mat across the road, with one timing device. */
export interface Checkpoint {
  readonly name: string;
  readonly km: number;
  readonly latitude: number;
  readonly longitude: number;
  /** Its column in a splits file. */
  readonly column?: string;
}

/** From Hopkinton to Boylston Street, roughly where the mats of the Boston marathon lie. */
export const COURSE: readonly Checkpoint[] = [
  { name: 'Start', km: 0, latitude: 42.2297, longitude: -71.5184 },
  { name: '5K', km: 5, column: 's_5k', latitude: 42.2479, longitude: -71.4783 },
  { name: '10K', km: 10, column: 's_10k', latitude: 42.2774, longitude: -71.4216 },
  { name: '20K', km: 20, column: 's_20k', latitude: 42.2935, longitude: -71.3064 },
  { name: 'Half', km: 21.0975, column: 's_half', latitude: 42.2968, longitude: -71.2924 },
  { name: '25K', km: 25, column: 's_25k', latitude: 42.3243, longitude: -71.2606 },
  { name: '30K', km: 30, column: 's_30k', latitude: 42.3389, longitude: -71.212 },
  { name: '35K', km: 35, column: 's_35k', latitude: 42.3366, longitude: -71.1559 },
  { name: '40K', km: 40, column: 's_40k', latitude: 42.3473, longitude: -71.0995 },
  { name: 'Finish', km: 42.195, column: 's_official', latitude: 42.3499, longitude: -71.0787 },
];

export const TIMEZONE = 'America/New_York';
const FIRST_GUN = Date.parse('2026-04-20T13:17:00Z');
/** Minutes after the first gun. */
const WAVES = { wheelchairs: 0, women: 15, first: 43, second: 63, third: 83 };

export type Wave = keyof typeof WAVES;

/** When the wave's gun goes, in milliseconds since 1970. */
export const gunOf = (wave: Wave): number => FIRST_GUN + WAVES[wave] * 60_000;
