// The public types. Wire names stay as the API has them (snake_case); options are camelCase with the unit in the name.
export type * from './types/follow.js';
export type * from './types/modules.js';
export type * from './types/options.js';
export type * from './types/records.js';
export type * from './types/responses.js';
