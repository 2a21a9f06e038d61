// msw is ESM in part: this takes a Node that can `require` ESM, 20.19 or 22.12.
const { RufusClient } = require('rufus-client');
const { Sandbox } = require('rufus-client/testing');
const race = require('./race.cjs');

race(RufusClient, Sandbox);
