import { Agent as HttpAgent } from 'node:http';
import axios from 'axios';
import got from 'got';
import ky from 'ky';
import createClient from 'openapi-fetch';
import type { InsertResult, PassingInput } from '../../src/index.js';
import { bodyOf, CONNECTIONS, HEADERS, type Insert } from './bare-undici.js';
import type { Server } from './server.js';

interface Paths {
  '/passings': {
    post: {
      requestBody: {
        content: { 'application/json': { token_session: string; passings_list: readonly PassingInput[] } };
      };
      responses: { 201: { content: { 'application/json': { body: InsertResult } } } };
    };
  };
}

/** What people use instead, each as its documentation shows it, with sockets kept alive and retries off. */
export function clients({ baseUrl }: Server): Record<string, Insert> {
  const agent = new HttpAgent({ keepAlive: true, maxSockets: CONNECTIONS });
  const byAxios = axios.create({ baseURL: baseUrl, headers: HEADERS, httpAgent: agent });
  const byGot = got.extend({ prefixUrl: baseUrl, headers: HEADERS, agent: { http: agent }, retry: { limit: 0 } });
  const byKy = ky.create({ prefixUrl: baseUrl, headers: HEADERS, retry: 0 });
  const byOpenapiFetch = createClient<Paths>({ baseUrl, headers: HEADERS });
  return {
    fetch: async (passings) => {
      const body = JSON.stringify(bodyOf(passings));
      const response = await fetch(`${baseUrl}/passings`, { method: 'POST', headers: HEADERS, body });
      if (!response.ok) throw new Error(`status ${response.status}`);
      return response.json();
    },
    'openapi-fetch': async (passings) => {
      const { data, error } = await byOpenapiFetch.POST('/passings', { body: bodyOf(passings) });
      if (error !== undefined) throw error;
      return data;
    },
    axios: async (passings) => (await byAxios.post('/passings', bodyOf(passings))).data,
    got: (passings) => byGot.post('passings', { json: bodyOf(passings) }).json(),
    ky: (passings) => byKy.post('passings', { json: bodyOf(passings) }).json(),
  };
}
