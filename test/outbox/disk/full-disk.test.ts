// A volume that is really full: what the kernel does then, and not what a stand-in thinks it does.
import { execFileSync } from 'node:child_process';
import { appendFileSync, mkdtempSync, rmSync, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/outbox/clock.js';
import { OutboxFullError } from '../../../src/outbox/errors.js';
import { counts, listen, opened, runners, sandboxed } from '../support/rig.js';

const volume = mkdtempSync(join(tmpdir(), 'rufus-full-'));
const isMounted = mountTmpfs(volume);

/** Only root may, and not in every container. */
function mountTmpfs(path: string): boolean {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=80m,mode=0700', 'tmpfs', path], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** Takes every byte that is free. */
function fill(ballast: string): void {
  for (const size of [1024 * 1024, 4096]) {
    try {
      for (;;) appendFileSync(ballast, Buffer.alloc(size));
    } catch {
      // Full, which is what we want.
    }
  }
}

afterEach(() => {
  rmSync(join(volume, 'ballast'), { force: true });
});
afterAll(() => {
  if (isMounted) execFileSync('umount', ['-l', volume]);
  rmSync(volume, { recursive: true });
});

describe.skipIf(!isMounted)('a full volume (a tmpfs: mounting one takes root)', () => {
  it('takes nothing more and says what is free; delivery goes on without a free byte; then it works again', async () => {
    const { client, deviceid } = await sandboxed();
    const { token_session } = await client.sessions.create({ deviceid });
    const ballast = join(volume, 'ballast');
    const options = {
      client,
      directory: join(volume, 'outbox'),
      session: { token_session, startAt: 1 },
      minFreeBytes: 0,
    };
    // Time stands still, so that the outbox goes on believing in the room that it saw: the kernel has to refuse.
    const outbox = await opened(options, { clock: { ...systemClock, mono: () => 1_000 } });
    const events = listen(outbox);
    outbox.pause();

    const [first] = await outbox.append(runners(2_000));
    expect(first?.num_passing).toBe(1);
    fill(ballast);
    expect(statfsSync(volume).bavail).toBe(0);
    let taken = 2_000;
    const refusal = await (async () => {
      for (; ; taken += 5) await outbox.append(runners(5, taken + 1));
    })().catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(OutboxFullError);
    expect((refusal as OutboxFullError).cause).toMatchObject({ code: 'ENOSPC' });
    expect((refusal as OutboxFullError).freeBytes).toBe(0);
    expect((refusal as OutboxFullError).usedBytes).toBeGreaterThan(taken * 100);
    expect(outbox.stats()).toMatchObject({ storage: 'full', appended: taken, pending: taken });

    const half = Math.floor(taken / 2);
    outbox.on('delivered', () => {
      if (outbox.stats().delivered >= half) outbox.pause();
    });
    outbox.resume();
    await expect.poll(() => outbox.stats().delivered).toBeGreaterThanOrEqual(half);
    await outbox.close();

    // What was acknowledged with no free byte was written down: a restart sends none of it again.
    const again = await opened(options);
    const { delivered, inserted } = again.stats();
    expect(delivered).toBeGreaterThanOrEqual(half);
    await again.drained();
    expect(again.stats()).toMatchObject({ delivered: taken, duplicates: 0, pending: 0 });
    expect(inserted).toBe(delivered);
    // All of it is delivered, and makes room.
    await again.append(runners(1, taken + 1));

    rmSync(ballast);
    await again.append(runners(49, taken + 2));
    await again.drained();
    expect(again.stats().storage).toBe('ok');
    expect(counts(again)).toEqual({ appended: taken + 50, delivered: taken + 50, parked: 0, pending: 0 });
    const stored = await client.passings.listBySession(token_session, { prefetch: 0 }).toArray({ limit: 100_000 });
    expect(stored.map(({ num_passing, bib }) => [num_passing, bib])).toEqual(
      Array.from({ length: taken + 50 }, (_, n) => [n + 1, String(n + 1)]),
    );
    expect(events.of('storage')).toMatchObject([{ storage: 'full' }]);
  });

  it('filled by others to the last byte: what is delivered makes room for what comes, also after a restart', async () => {
    const { client, deviceid } = await sandboxed();
    const { token_session } = await client.sessions.create({ deviceid });
    const directory = join(volume, 'filled-by-others');
    const options = { client, directory, session: { token_session, startAt: 1 }, minFreeBytes: 0 };
    let outbox = await opened(options);
    for (let round = 0; round < 3; round++) {
      rmSync(join(volume, 'ballast'), { force: true });
      await outbox.append(runners(2_000, outbox.stats().appended + 1));
      await outbox.drained();
      fill(join(volume, 'ballast'));
      expect(statfsSync(volume).bavail).toBe(0);
      if (round === 1) {
        await outbox.close();
        outbox = await opened(options);
      }
      for (let i = 0; i < 20; i++) {
        await outbox.append(runners(5, outbox.stats().appended + 1));
        await outbox.drained();
      }
    }
    expect(outbox.stats().storage).toBe('ok');
    expect(counts(outbox)).toEqual({ appended: 6_300, delivered: 6_300, parked: 0, pending: 0 });
    const stored = await client.passings.listBySession(token_session, { prefetch: 0 }).toArray({ limit: 100_000 });
    expect(stored.map(({ num_passing, bib }) => [num_passing, bib])).toEqual(
      Array.from({ length: 6_300 }, (_, n) => [n + 1, String(n + 1)]),
    );
  });
});
