// Service principals sign in with npm `@azure/identity` and `ms-rest-azure`; usage, cost and sums by
// clients that take no token but over TLS, against what was sent.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';

import { ClientSecretCredential } from '@azure/identity';
import { UsageManagementClient } from '@azure/arm-commerce-profile-2020-09-01-hybrid';
import { ConsumptionManagementClient } from '@azure/arm-consumption';
import { CostManagementClient } from '@azure/arm-costmanagement';
import CommerceClient from 'azure-arm-commerce';
import msRestAzure from 'ms-rest-azure';

import { CASE, pages, rowKey } from './case.mjs';

const SCOPE = `subscriptions/${CASE.subscription}`;
const READER = CASE.applications.reader;
const OPTIONS = { endpoint: CASE.url, credentialScopes: [`${CASE.url}/.default`] };

/** A credential of one of the case's service principals. */
function credential({ tenant, appId, password } = READER) {
  const authority = { authorityHost: CASE.url, disableInstanceDiscovery: true };
  return new ClientSecretCredential(tenant, appId, password, authority);
}

/** What all usage of each meter costs by the card; null for the meter that it does not have. */
function expectedCharges() {
  const card = JSON.parse(readFileSync(CASE.card, 'utf8').replace(/^\uFEFF/, ''));
  const rates = new Map(card.Meters.map((meter) => [meter.MeterId, meter.MeterRates]));
  const charge = ([meter, quantity]) => [meter, rates.has(meter) ? rates.get(meter)[0] * quantity : null];
  return new Map(Object.entries(CASE.meters).map(charge));
}

/** Equal but for what doubles lose in a sum. */
function assertClose(got, expected, what) {
  const difference = Math.abs(got - expected);
  assert.ok(difference <= 1e-9 * Math.abs(expected), `${what}: ${got} and not ${expected}`);
}

test('@azure/arm-commerce-profile-2020-09-01-hybrid: every row once, with its quantity', async () => {
  const client = new UsageManagementClient(credential(), CASE.subscription, OPTIONS);
  const query = CASE.queries.find((one) => one.name === 'daily with details');
  const { details: showDetails, granularity: aggregationGranularity } = query;
  const range = [new Date(query.start), new Date(query.end)];
  const got = new Map();
  let count = 0;
  for await (const row of client.usageAggregates.list(...range, { showDetails, aggregationGranularity })) {
    got.set(rowKey(row), row.quantity);
    count += 1;
  }
  assert.equal(got.size, count, 'a row came twice');
  assert.equal(got.size, query.rows.length);
  for (const row of query.rows) assert.equal(got.get(row.slice(0, 5).join(' ')), Number(row[5]));
});

test('@azure/arm-consumption: items of all pages add up to what was sent', async () => {
  const client = new ConsumptionManagementClient(credential(), CASE.subscription, OPTIONS);
  const filter = "properties/usageStart ge '2026-02-01' and properties/usageEnd le '2026-03-31'";
  const sums = new Map();
  for await (const item of client.usageDetails.list(SCOPE, { filter, expand: 'properties/meterDetails' })) {
    assert.equal(item.kind, 'legacy');
    if (item.chargeType !== 'Usage') continue;
    assert.ok(item.meterDetails, item.id);
    const sum = sums.get(item.meterId) ?? { quantity: 0, cost: null };
    const cost = item.cost === undefined || item.cost === null ? sum.cost : sum.cost + item.cost;
    sums.set(item.meterId, { quantity: sum.quantity + item.quantity, cost });
  }
  const charges = expectedCharges();
  assert.deepEqual([...sums.keys()].sort(), [...charges.keys()].sort());
  for (const [meter, charge] of charges) {
    const { quantity, cost } = sums.get(meter);
    assertClose(quantity, Number(CASE.meters[meter]), meter);
    if (charge === null) assert.equal(cost, null);
    else assertClose(cost, charge, meter);
  }
});

test('@azure/arm-costmanagement: cost by meter is what was sent at the prices of the card', async () => {
  const client = new CostManagementClient(credential(), OPTIONS);
  const answer = await client.query.usage(SCOPE, {
    type: 'ActualCost',
    timeframe: 'Custom',
    timePeriod: { from: new Date('2026-02-01'), to: new Date('2026-03-31') },
    dataset: {
      granularity: 'None',
      aggregation: { totalCost: { name: 'Cost', function: 'Sum' } },
      grouping: [{ type: 'Dimension', name: 'MeterId' }],
    },
  });
  const names = answer.columns.map((column) => column.name);
  const [cost, meter] = ['Cost', 'MeterId'].map((name) => names.indexOf(name));
  const got = new Map(answer.rows.map((row) => [row[meter], row[cost]]));
  for (const [id, charge] of expectedCharges()) {
    if (charge === null) assert.ok(!got.has(id), 'what has no price is in no cost');
    else assertClose(got.get(id), charge, id);
  }
});

test('@azure/identity: a wrong secret is refused in the words of the server', async () => {
  const wrong = credential({ ...READER, password: 'wrong' });
  await assert.rejects(wrong.getToken(`${CASE.url}/.default`), /AADSTS7000215/);
});

/** The cloud as `ms-rest-azure` describes one. */
function environment() {
  return msRestAzure.AzureEnvironment.add({
    name: 'Tallyhouse',
    portalUrl: CASE.url,
    managementEndpointUrl: CASE.url,
    resourceManagerEndpointUrl: `${CASE.url}/`,
    activeDirectoryEndpointUrl: `${CASE.url}/`,
    activeDirectoryResourceId: `${CASE.url}/`,
    validateAuthority: false,
  });
}

test('ms-rest-azure: signs in at the older endpoint, finds the subscription and reads usage', async () => {
  const { appId, password, tenant } = READER;
  const options = { environment: environment() };
  const { credentials, subscriptions } = await msRestAzure.loginWithServicePrincipalSecretWithAuthResponse(
    appId, password, tenant, options,
  );
  assert.deepEqual(subscriptions.map((one) => one.id), [CASE.subscription]);
  const client = new CommerceClient(credentials, CASE.subscription, CASE.url);
  const query = CASE.queries.find((one) => one.name === 'one hour');
  const rows = (await pages(client, query)).flat();
  assert.equal(rows.length, query.rows.length);
});

test('ms-rest-azure: a wrong secret is refused', async () => {
  const options = { environment: environment() };
  const signingIn = msRestAzure.loginWithServicePrincipalSecret(READER.appId, 'wrong', READER.tenant, options);
  await assert.rejects(signingIn, /AADSTS7000215/);
});
