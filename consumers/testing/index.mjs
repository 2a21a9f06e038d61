import { RufusClient } from 'rufus-client';
import { Sandbox } from 'rufus-client/testing';
import race from './race.cjs';

await race(RufusClient, Sandbox);
