import { ask, type Inquiry, numbersOf, words } from './ground.js';

export const secondBind: Inquiry = {
  question: 'What does a second bind of the same device give?',
  async find(ground) {
    const reply = await ask(ground, 'POST', '/devices', { body: ground.device });
    const { deviceid } = reply.payload;
    const details = words(reply);
    if (reply.status !== 409) {
      const same = deviceid === ground.deviceid ? 'the same' : deviceid === undefined ? 'no' : 'another';
      return { answer: `${reply.status}, with ${same} \`deviceid\``, details };
    }
    if (deviceid === undefined)
      return { answer: '409 without the `deviceid`', details, dialect: { bindConflict: 'bare' } };
    const whose = deviceid === ground.deviceid ? 'the `deviceid`' : 'another `deviceid`';
    return { answer: `409 with ${whose}`, details, dialect: { bindConflict: 'deviceid' } };
  },
};

/** Opens a second session, and so closes the first, whose passings from the third on count as unread. */
export const jump: Inquiry = {
  question: 'Does the continuous query jump at once?',
  async find(ground) {
    const { client, deviceid, token_session, passings } = ground;
    const poll = (last: number) =>
      ask(ground, 'GET', `/passings/device2/${deviceid}`, { query: { token_session, last } });
    const before = await poll(2);
    const resumed = `resumed after 2 it went on with ${numbersOf(before)[0] ?? 'nothing'} (resumed_from ${before.payload.resumed_from})`;
    const next = await client.sessions.create({ deviceid, alias: 'probe, second' });
    const isNew = ({ payload }: { payload: Record<string, unknown> }) => payload.session_used === next.token_session;

    if (isNew(await poll(2))) {
      return {
        answer: 'yes, as soon as the new session exists',
        details: `${resumed}; passings not read yet were skipped`,
      };
    }
    await client.passings.insert(next.token_session, [{ num_passing: 1, bib: 'J1', timestamp: new Date() }]);
    if (isNew(await poll(2))) {
      return {
        answer: 'yes, once the new session has a passing',
        details: `${resumed}; passings not read yet were skipped`,
      };
    }
    const end = Math.max(...passings.map(({ num_passing }) => num_passing), 29);
    const answer = isNew(await poll(end))
      ? 'no, only when the old session is read to its end'
      : 'no, it stays with the session it is given';
    return { answer, details: resumed };
  },
};

/** The device's open session, whichever that is by now, is closed twice; then it is written to. */
export const closing: Inquiry = {
  question: 'What does a repeated close give?',
  async find(ground) {
    const { client, deviceid } = ground;
    const active = await client.sessions.getActive(deviceid);
    const { token_session } = active ?? (await client.sessions.create({ deviceid }));
    const first = await ask(ground, 'PATCH', `/sessions/close/${token_session}`);
    const again = await ask(ground, 'PATCH', `/sessions/close/${token_session}`);
    const passings_list = [{ num_passing: 99, bib: 'L1', timestamp: new Date().toISOString() }];
    const late = await ask(ground, 'POST', '/passings', { body: { token_session, passings_list } });
    return {
      answer: words(again),
      details: `the first: ${words(first)}; a passing sent afterwards: ${words(late)}`,
    };
  },
};
