import { readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { clientAt, refusedPort } from '../support/client.js';
import { Random } from './disk/random.js';
import { opened, runners, sandboxed, tempFolder } from './support/rig.js';

const SEED = Number(process.env.DAMAGE_SEED ?? 2);
const ROUNDS = 20;
const IN_PLACE = ['cut', 'zeros', 'garbage', 'flip'];

/** One file of the folder, ruined in one of the ways that cards and people have. */
async function ruin(directory: string, random: Random, ways: readonly string[]): Promise<string> {
  const names = (await readdir(directory)).filter((name) => name === 'ack.dat' || name.endsWith('.log'));
  const path = join(directory, names[random.int(names.length)]!);
  const bytes = await readFile(path);
  const at = random.int(bytes.length);
  const how = ways[random.int(ways.length)]!;
  if (how === 'gone') await rm(path);
  else if (how === 'cut') await truncate(path, at);
  else {
    if (how === 'zeros') bytes.fill(0, at);
    else if (how === 'garbage') bytes.fill(0xa5, at);
    else bytes[at]! ^= 1 << random.int(8);
    await writeFile(path, bytes);
  }
  return `${how} ${path.slice(directory.length + 1)} from ${at} of ${bytes.length}`;
}

it(`a folder damaged at random opens offline, and the server never takes two passings for one (DAMAGE_SEED=${SEED})`, async () => {
  const random = new Random(SEED);
  const { client, clientOf, deviceid, sandbox } = await sandboxed();
  const offline = clientAt(`http://127.0.0.1:${await refusedPort()}/v0`);
  const blind = clientOf({ apiKey: sandbox.keys.write });
  for (let round = 0; round < ROUNDS; round++) {
    const { token_session } = await client.sessions.create({ deviceid });
    const directory = await tempFolder();
    const session = { token_session, startAt: 1 };
    let bib = 1;
    const append = async (outbox: Awaited<ReturnType<typeof opened>>, count: number) => {
      const given = runners(count, bib);
      bib += count;
      await outbox.append(given);
      return given.map((each) => each.bib);
    };
    const online = await opened({ client, directory, session });
    const before = await append(online, 1 + random.int(20));
    await online.drained();
    online.pause();
    await append(online, random.int(5) + 1);
    await online.close();
    // Not all of its files gone: that is a new folder.
    const damage = [await ruin(directory, random, [...IN_PLACE, 'gone'])];
    if (random.chance(0.3)) damage.push(await ruin(directory, random, IN_PLACE));
    const where = `round ${round}: ${damage.join(', ')}`;
    const alone = await opened({ client: offline, directory, session });
    const after = await append(alone, 1 + random.int(20));
    await alone.close();
    const back = await opened({ client: random.chance(0.5) ? blind : client, directory, session });
    after.push(...(await append(back, 2)));
    await back.drained();
    const stored = sandbox.state.passings(token_session).map((passing) => passing.bib);
    expect(back.stats().parked, where).toBe(0);
    expect(stored, where).toEqual(expect.arrayContaining([...before, ...after]));
    expect(new Set(stored).size, where).toBe(stored.length);
    await back.close();
  }
}, 60_000);
