import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import type { Passing } from 'rufus-client';
import { type Database, openDatabase } from '../support/sqlite.js';

/** Passings under their natural key: saved twice, they are there once. */
export interface Results {
  save(token_session: string, passings: readonly Passing[]): void;
  /** Of a session, in the order of their numbers. */
  read(token_session: string): Passing[];
  count(): number;
  close(): void;
}

export async function openResults(file: string): Promise<Results> {
  const database = await openDatabase(file);
  return database === undefined ? jsonLines(`${file}.jsonl`) : sqlite(database);
}

function sqlite(database: Database): Results {
  database.exec(`
    PRAGMA busy_timeout = 10000;
    PRAGMA journal_mode = WAL;
    CREATE TABLE IF NOT EXISTS passings (
      token_session TEXT NOT NULL, num_passing INTEGER NOT NULL, bib TEXT NOT NULL, passing TEXT NOT NULL,
      PRIMARY KEY (token_session, num_passing)
    )`);
  const insert = database.prepare('INSERT OR IGNORE INTO passings VALUES (?, ?, ?, ?)');
  return {
    save(token_session, passings) {
      database.exec('BEGIN IMMEDIATE');
      for (const passing of passings) {
        insert.run(token_session, passing.num_passing, passing.bib, JSON.stringify(passing));
      }
      database.exec('COMMIT');
    },
    read: (token_session) =>
      database
        .prepare('SELECT passing FROM passings WHERE token_session = ? ORDER BY num_passing')
        .all(token_session)
        .map(({ passing }) => JSON.parse(String(passing)) as Passing),
    count: () => Number(database.prepare('SELECT count(*) AS n FROM passings').get()?.n),
    close: () => database.close(),
  };
}

/** Without node:sqlite. Whole lines, so that two processes may write, and who reads takes each key once. */
function jsonLines(file: string): Results {
  const all = () => {
    const lines = existsSync(file) ? readFileSync(file, 'utf8').split('\n').filter(Boolean) : [];
    const rows = lines.map((line) => JSON.parse(line) as [token_session: string, passing: Passing]);
    return new Map(rows.map((row) => [`${row[0]} ${row[1].num_passing}`, row]));
  };
  return {
    save(token_session, passings) {
      appendFileSync(file, passings.map((passing) => `${JSON.stringify([token_session, passing])}\n`).join(''));
    },
    read: (token_session) =>
      [...all().values()]
        .flatMap(([token, passing]) => (token === token_session ? [passing] : []))
        .sort((a, b) => a.num_passing - b.num_passing),
    count: () => all().size,
    close() {},
  };
}
