import { execFileSync } from 'node:child_process';

/** A program of a few imports, and another one to hold it against. */
export interface Contest {
  readonly name: string;
  readonly format: 'module' | 'commonjs';
  readonly ours: string;
  readonly against: string;
  readonly theirs: string;
}

const MAKE = "const { RufusClient } = await load('rufus-client'); const client = new RufusClient({ apiKey: 'x' });";
const UNDICI = "await load('undici');";
const ZOD = "await load('zod');";

/** What starts when users start: by `load`, which is `import` or `require`. */
export const CONTESTS: readonly Contest[] = [
  ...(['module', 'commonjs'] as const).flatMap((format): Contest[] => {
    const of = format === 'module' ? 'import' : 'require';
    return [
      { name: `${of} rufus-client, a client`, format, ours: MAKE, against: 'undici', theirs: UNDICI },
      {
        name: `${of} rufus-client, a client, its first call`,
        format,
        ours: `${MAKE} await client.withOptions({ baseUrl: 'http://127.0.0.1:9', retry: false }).devices.get('D').catch(() => {});`,
        against: 'undici + zod',
        theirs: UNDICI + ZOD,
      },
      {
        name: `${of} rufus-client/outbox`,
        format,
        ours: "await load('rufus-client/outbox');",
        against: 'zod',
        theirs: ZOD,
      },
    ];
  }),
  {
    name: 'import rufus-client/schemas',
    format: 'module',
    ours: "await load('rufus-client/schemas');",
    against: 'zod',
    theirs: ZOD,
  },
  {
    name: 'import rufus-client/testing',
    format: 'module',
    ours: "await load('rufus-client/testing');",
    against: 'undici + zod + msw',
    theirs: `${UNDICI}${ZOD} await load('msw');`,
  },
];

/** What a program took, beyond a process that does nothing. */
export interface Start {
  readonly ms: number;
  /** Of all cores: what else the machine does hardly shows in it. */
  readonly cpuMs: number;
  /** Of the whole process. */
  readonly rssMb: number;
  /** By how much the heap has grown, collected. */
  readonly heapMb: number;
}

/** Both programs, each in a fresh process, in turn. The package is the built one: it finds itself by its name. */
export function startsOf({ format, ours, theirs }: Contest, rounds: number): { ours: Start[]; theirs: Start[] } {
  const starts = { ours: [] as Start[], theirs: [] as Start[] };
  const turns = [
    () => starts.ours.push(startOf(format, ours)),
    () => starts.theirs.push(startOf(format, theirs)),
  ] as const;
  for (let round = 0; round < rounds; round++)
    for (const turn of round % 2 === 0 ? turns : [...turns].reverse()) turn();
  return starts;
}

function startOf(format: Contest['format'], program: string): Start {
  const script = `
    const load = async (name) => ${format === 'module' ? 'import(name)' : 'require(name)'};
    (async () => {
      gc();
      const before = process.memoryUsage().heapUsed;
      const cpuBefore = process.cpuUsage();
      const startedAt = performance.now();
      ${program}
      const ms = performance.now() - startedAt;
      const { user, system } = process.cpuUsage(cpuBefore);
      gc();
      const { rss, heapUsed } = process.memoryUsage();
      console.log(JSON.stringify({ ms, cpuMs: (user + system) / 1000, rssMb: rss / 2 ** 20, heapMb: (heapUsed - before) / 2 ** 20 }));
    })();`;
  const flags = ['--expose-gc', `--input-type=${format}`, '--eval', script];
  return JSON.parse(execFileSync(process.execPath, flags, { encoding: 'utf8' }));
}
