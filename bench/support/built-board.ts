import { entryUrl } from './built.js';

/** The board as it ships. Apart from the rest: it would count in what the other cases load. */
export const { serveBoard } = (await import(entryUrl('board'))) as typeof import('../../src/board/index.js');
