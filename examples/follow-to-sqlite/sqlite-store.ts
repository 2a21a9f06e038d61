import type { FollowBatch, FollowCursor } from 'rufus-client';
import { type Database, openDatabase } from '../support/sqlite.js';
import type { Store } from './store.js';

const SCHEMA = `
  PRAGMA journal_mode = WAL;
  CREATE TABLE IF NOT EXISTS passings (
    token_session TEXT NOT NULL, num_passing INTEGER NOT NULL, bib TEXT NOT NULL, timestamp TEXT NOT NULL
  );
  CREATE TABLE IF NOT EXISTS cursors (deviceid TEXT PRIMARY KEY, cursor TEXT NOT NULL);
`;

/** undefined where this Node has no node:sqlite. */
export async function openSqlite(file: string): Promise<Store | undefined> {
  const database = await openDatabase(file);
  return database && new SqliteStore(database);
}

class SqliteStore implements Store {
  readonly name = 'SQLite';
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
    database.exec(SCHEMA);
  }

  cursorOf(deviceid: string): FollowCursor | undefined {
    const row = this.#database.prepare('SELECT cursor FROM cursors WHERE deviceid = ?').get(deviceid);
    return row && JSON.parse(String(row.cursor));
  }

  save(deviceid: string, { passings, token_session, cursor }: FollowBatch): void {
    const insert = this.#database.prepare('INSERT INTO passings VALUES (?, ?, ?, ?)');
    this.#database.exec('BEGIN IMMEDIATE');
    try {
      for (const { num_passing, bib, timestamp } of passings) insert.run(token_session, num_passing, bib, timestamp);
      this.#database.prepare('INSERT OR REPLACE INTO cursors VALUES (?, ?)').run(deviceid, JSON.stringify(cursor));
      this.#database.exec('COMMIT');
    } catch (error) {
      this.#database.exec('ROLLBACK');
      throw error;
    }
  }

  count(): { rows: number; different: number } {
    const number = (sql: string) => Number(this.#database.prepare(sql).get()?.n);
    return {
      rows: number('SELECT count(*) AS n FROM passings'),
      different: number('SELECT count(*) AS n FROM (SELECT DISTINCT token_session, num_passing FROM passings)'),
    };
  }

  close(): void {
    this.#database.close();
  }
}
