import { connect } from '@nats-io/transport-node';
import { RufusClient } from 'rufus-client';
import * as fleet from 'rufus-client/fleet';
import { race } from './race.cjs';

await race({ RufusClient, connect, ...fleet });
