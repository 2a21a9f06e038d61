// "Go to definition", as an editor asks for it, in a project that has installed the package: it must arrive in a .ts file.
import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { createInterface } from 'node:readline';

const CODE = `import { NotFoundError, passingTime, RufusClient } from 'rufus-client';
import { openOutbox } from 'rufus-client/outbox';
import { PassingInput } from 'rufus-client/schemas';
import { Sandbox } from 'rufus-client/testing';

export async function everything(client: RufusClient, sandbox: Sandbox, given: unknown) {
  for await (const { cursor } of client.passings.follow('D1', { pollMs: { min: 1 } })) console.log(cursor.last);
  const outbox = await openOutbox({ client, directory: '', session: { token_session: '' } });
  await outbox.append({ bib: '1', timestamp: new Date() });
  await outbox.drained();
  await client.passings.insertMany('S1', []);
  await client.withOptions({ timeoutMs: 1 }).close();
  sandbox.fault({ kind: 'hang' });
  if (given instanceof NotFoundError) return given.description;
  return PassingInput.parse(given) && passingTime({ timestamp: '' });
}
`;

/** What is asked for, where it first stands in the code; and the file in which it is defined. */
const DEFINED: Readonly<Record<string, string>> = {
  RufusClient: 'src/client.ts',
  NotFoundError: 'src/core/errors.ts',
  passingTime: 'src/core/timestamp.ts',
  openOutbox: 'src/outbox/open.ts',
  PassingInput: 'src/generated/zod.gen.ts',
  Sandbox: 'src/testing/sandbox.ts',
  follow: 'src/types/modules.ts',
  pollMs: 'src/types/follow.ts',
  cursor: 'src/types/follow.ts',
  append: 'src/outbox/types.ts',
  drained: 'src/outbox/types.ts',
  insertMany: 'src/types/modules.ts',
  withOptions: 'src/client.ts',
  timeoutMs: 'src/types/options.ts',
  fault: 'src/testing/sandbox.ts',
  kind: 'src/testing/types.ts',
  description: 'src/core/errors.ts',
};

interface Definition {
  readonly file: string;
  readonly start: { readonly line: number };
}

/** What is wrong, in words. `project`: a folder in whose node_modules the package is. */
export async function definitionFaults(project: string, type: 'module' | 'commonjs'): Promise<string[]> {
  const folder = join(project, type);
  const file = join(folder, 'index.ts');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ type }));
  const compilerOptions = { module: 'nodenext', target: 'es2022', strict: true, types: ['node'], skipLibCheck: true };
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['index.ts'] }));
  writeFileSync(file, CODE);

  await using editor = startEditor();
  editor.tell('open', { file });
  const faults: string[] = [];
  for (const [name, expected] of Object.entries(DEFINED)) {
    const before = CODE.slice(0, CODE.search(new RegExp(`\\b${name}\\b`))).split('\n');
    const position = { file, line: before.length, offset: before.at(-1)!.length + 1 };
    const [definition] = await editor.ask<Definition[]>('definition', position);
    const arrived = definition && relative(join(project, 'node_modules/rufus-client'), definition.file);
    if (arrived !== expected) {
      faults.push(`"Go to definition" of ${name} (${type}) arrives at ${arrived ?? 'nothing'}, not at ${expected}`);
    } else if (!lineOf(definition!).includes(name)) {
      faults.push(`"Go to definition" of ${name} (${type}) arrives at "${lineOf(definition!).trim()}" of ${expected}`);
    }
  }
  return faults;
}

const lineOf = ({ file, start }: Definition): string => readFileSync(file, 'utf8').split('\n')[start.line - 1] ?? '';

/** tsserver, which is behind an editor. */
function startEditor() {
  const server = spawn(
    process.execPath,
    [join('node_modules/typescript/lib/tsserver.js'), '--disableAutomaticTypingAcquisition'],
    {
      stdio: ['pipe', 'pipe', 'inherit'],
    },
  );
  const waiting = new Map<number, (body: unknown) => void>();
  createInterface(server.stdout).on('line', (line) => {
    if (!line.startsWith('{')) return;
    const { type, request_seq, body } = JSON.parse(line);
    if (type === 'response') waiting.get(request_seq)?.(body ?? []);
  });
  let seq = 0;
  const tell = (command: string, args: object): void => {
    seq += 1;
    server.stdin.write(`${JSON.stringify({ seq, type: 'request', command, arguments: args })}\n`);
  };
  return {
    tell,
    ask: <T>(command: string, args: object) =>
      new Promise<T>((resolve) => {
        waiting.set(seq + 1, resolve as (body: unknown) => void);
        tell(command, args);
      }),
    async [Symbol.asyncDispose]() {
      server.kill();
    },
  };
}
