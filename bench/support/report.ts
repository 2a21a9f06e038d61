export interface Table {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
}
export interface Goal {
  readonly what: string;
  readonly goal: string;
  readonly figure: string;
  readonly met: boolean;
}
/** What one case has found. */
export interface Report {
  readonly title: string;
  /** How it was measured, in a sentence or two. */
  readonly how: string;
  readonly tables: readonly Table[];
  readonly goals: readonly Goal[];
}

/** How thoroughly to measure: `rounds(10)` is 10, or 2 in a quick run. */
export interface Effort {
  rounds(count: number): number;
  ms(duration: number): number;
  readonly quick: boolean;
}

export type Case = (effort: Effort) => Promise<Report>;

export function atLeast(what: string, limit: number, figure: number, unit = ''): Goal {
  return { what, goal: `at least ${shown(limit)}${unit}`, figure: shown(figure) + unit, met: figure >= limit };
}

export function atMost(what: string, limit: number, figure: number, unit = ''): Goal {
  return { what, goal: `at most ${shown(limit)}${unit}`, figure: shown(figure) + unit, met: figure <= limit };
}

function shown(figure: number): string {
  return figure >= 1000 ? Math.round(figure).toLocaleString('en-US') : String(Number(figure.toPrecision(3)));
}

export function reportMarkdown({ title, how, tables, goals }: Report): string {
  const goalTable: Table = {
    columns: ['Goal', 'Wanted', 'Measured', 'Met'],
    rows: goals.map(({ what, goal, figure, met }) => [what, goal, figure, met ? 'yes' : '**no**']),
  };
  const shownTables = goals.length > 0 ? [...tables, goalTable] : tables;
  return [`## ${title}`, how, ...shownTables.map(tableMarkdown)].join('\n\n');
}

/** The first column is text, the others are figures. */
function tableMarkdown({ columns, rows }: Table): string {
  const rule = columns.map((_, index) => (index === 0 ? '---' : '---:'));
  return [columns, rule, ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}
