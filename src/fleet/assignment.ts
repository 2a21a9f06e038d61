/** A worker as the others see it. */
export interface Member {
  readonly worker: string;
  /** It follows no more than so many. */
  readonly max: number;
  /** What it follows now. */
  readonly holds: ReadonlySet<string>;
}

/**
 * Who is to follow which device. All workers come to the same result, as they see the same members: evenly, and with no more
 * devices moved than that takes.
 */
export function assign(members: readonly Member[], devices: readonly string[]): Map<string, Set<string>> {
  const holders = new Map<string, string[]>();
  for (const { worker } of members) holders.set(worker, []);
  const free: string[] = [];
  const sorted = [...members].sort(byName);
  for (const deviceid of devices) {
    const holder = sorted.find(({ holds }) => holds.has(deviceid));
    if (holder === undefined) free.push(deviceid);
    else holders.get(holder.worker)!.push(deviceid);
  }
  const shares = shareOut(
    [...sorted].sort((a, b) => holders.get(b.worker)!.length - holders.get(a.worker)!.length),
    devices.length,
  );
  const result = new Map<string, Set<string>>();
  for (const { worker } of sorted) {
    const held = holders.get(worker)!;
    const share = shares.get(worker)!;
    free.push(...held.slice(share));
    result.set(worker, new Set(held.slice(0, share)));
  }
  for (const { worker } of sorted) {
    const mine = result.get(worker)!;
    while (mine.size < shares.get(worker)! && free.length > 0) mine.add(free.pop()!);
  }
  return result;
}

/** How many each gets: as even as the limits of some allow. Who stands first gets one more where it does not come out even. */
function shareOut(members: readonly Member[], devices: number): Map<string, number> {
  const shares = new Map<string, number>(members.map(({ worker }) => [worker, 0]));
  let left = devices;
  for (;;) {
    const open = members.filter(({ worker, max }) => shares.get(worker)! < max);
    if (left === 0 || open.length === 0) return shares;
    const each = Math.floor(left / open.length);
    for (const { worker, max } of open) {
      const more = Math.min(Math.max(each, 1), max - shares.get(worker)!, left);
      shares.set(worker, shares.get(worker)! + more);
      left -= more;
    }
  }
}

const byName = (a: Member, b: Member): number => (a.worker < b.worker ? -1 : a.worker > b.worker ? 1 : 0);
