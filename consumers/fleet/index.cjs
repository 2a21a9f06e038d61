const { connect } = require('@nats-io/transport-node');
const { RufusClient } = require('rufus-client');
const fleet = require('rufus-client/fleet');
const { race } = require('./race.cjs');

race({ RufusClient, connect, ...fleet });
