/** As much of node:sqlite as is used here; the type declarations of Node 20 do not have it. */
export interface Database {
  exec(sql: string): void;
  prepare(sql: string): {
    run(...values: (string | number | null)[]): unknown;
    get(...values: (string | number)[]): Record<string, string | number> | undefined;
    all(...values: (string | number)[]): Record<string, string | number>[];
  };
  close(): void;
}
interface Sqlite {
  DatabaseSync: new (file: string) => Database;
}

/** undefined where this Node has no node:sqlite: it came with 22.5, and without a flag with 22.13. */
export async function openDatabase(file: string): Promise<Database | undefined> {
  const sqlite = await loadSqlite();
  return sqlite && new sqlite.DatabaseSync(file);
}

async function loadSqlite(): Promise<Sqlite | undefined> {
  // Imported by a name that tsc does not look up; and its notice of being experimental is not for this example's users.
  const name: string = 'node:sqlite';
  const { emitWarning } = process;
  process.emitWarning = () => {};
  try {
    return (await import(name)) as Sqlite;
  } catch {
    return undefined;
  } finally {
    process.emitWarning = emitWarning;
  }
}
