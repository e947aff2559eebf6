// Usage, rate card and refusals through both npm clients, against what was sent.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';

import { CASE, CLIENTS, pages, rowKey } from './case.mjs';

const PAGE_LIMIT = 1000;
const FILTER =
  `OfferDurableId eq '${CASE.offer}' and Currency eq 'USD'` +
  " and Locale eq 'en-US' and RegionInfo eq 'US'";
const DAY = CASE.queries.find((query) => query.name === 'one hour');

/** The error of a call that must fail. */
async function refusal(call) {
  return call().then(
    () => assert.fail('it was not refused'),
    (error) => error,
  );
}

for (const [name, client] of Object.entries(CLIENTS)) {
  for (const query of CASE.queries) {
    test(`${name}: usage, ${query.name}: every row once, with its quantity`, async () => {
      const all = await pages(client(), query);
      const sizes = all.map((page) => page.length);
      assert.ok(sizes.slice(0, -1).every((size) => size === PAGE_LIMIT), `pages of ${sizes}`);
      assert.ok(sizes.length >= (query.pages ?? 1), `pages of ${sizes}`);
      const got = new Map(all.flat().map((row) => [rowKey(row), row.quantity]));
      assert.equal(got.size, sizes.reduce((sum, size) => sum + size, 0), 'a row came twice');
      // A quantity is a double in this client: that of the decimal that was sent.
      const sent = new Map(query.rows.map((row) => [row.slice(0, 5).join(' '), Number(row[5])]));
      assert.equal(got.size, sent.size);
      for (const [key, quantity] of sent) assert.equal(got.get(key), quantity, key);
    });
  }

  test(`${name}: the rate card has every meter with its rates`, async () => {
    const card = await client().rateCard.get(FILTER);
    const document = JSON.parse(readFileSync(CASE.card, 'utf8').replace(/^\uFEFF/, ''));
    assert.equal(card.meters.length, 3817);
    const numbered = (rates) =>
      Object.entries(rates)
        .map(([bound, rate]) => [Number(bound), rate])
        .sort(([one], [other]) => one - other);
    const got = new Map(card.meters.map((meter) => [meter.meterId, meter]));
    for (const meter of document.Meters) {
      const found = got.get(meter.MeterId);
      assert.deepEqual(numbered(found.meterRates), numbered(meter.MeterRates), meter.MeterId);
      assert.equal(found.includedQuantity, meter.IncludedQuantity);
      assert.equal(found.unit, meter.Unit);
      assert.equal(found.meterName, meter.MeterName);
    }
    assert.equal(card.offerTerms[0].credit, document.OfferTerms[0].Credit);
  });

  test(`${name}: without a token`, async () => {
    const error = await refusal(() => pages(client(null), DAY));
    assert.equal(error.statusCode, 401);
    assert.equal(error.code, 'AuthenticationFailed');
    assert.match(error.message, /'Authorization' header is missing/);
  });

  test(`${name}: with a forged token`, async () => {
    const error = await refusal(() => pages(client(CASE.tokens.forged), DAY));
    assert.equal(error.statusCode, 401);
    assert.equal(error.code, 'InvalidAuthenticationToken');
  });

  test(`${name}: without the right`, async () => {
    const error = await refusal(() => pages(client(CASE.tokens.stranger), DAY));
    assert.equal(error.statusCode, 403);
    assert.equal(error.code, 'AuthorizationFailed');
    assert.match(error.message, /Microsoft\.Commerce\/UsageAggregates\/read/);
  });

  test(`${name}: on a subscription that the role does not cover`, async () => {
    const error = await refusal(() => pages(client(CASE.tokens.reader, CASE.otherSubscription), DAY));
    assert.equal(error.statusCode, 403);
    assert.match(error.message, new RegExp(CASE.otherSubscription));
  });
}
