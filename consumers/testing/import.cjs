// What CommonJS does on a Node that cannot `require` ESM.
const { RufusClient } = require('rufus-client');
const race = require('./race.cjs');

import('rufus-client/testing').then(({ Sandbox }) => race(RufusClient, Sandbox));
