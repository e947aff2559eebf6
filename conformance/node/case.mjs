// The case that `cargo xtask conformance` made, and both clients behind one small face.
import { readFileSync } from 'node:fs';

import OlderClient from 'azure-arm-commerce';
import newer from '@azure/arm-commerce';
import msRest from 'ms-rest';
import msRestJs from '@azure/ms-rest-js';

export const CASE = JSON.parse(readFileSync(process.env.TALLYHOUSE_CASE, 'utf8'));

const NO_TOKEN = {
  older: { signRequest: (request, done) => done(null) },
  newer: { signRequest: async (request) => request },
};

/** The clients as their documentation says, but for the address. Both page by hand. */
export const CLIENTS = {
  'azure-arm-commerce': (token = CASE.tokens.reader, subscription = CASE.subscription) => {
    const credentials = token ? new msRest.TokenCredentials(token) : NO_TOKEN.older;
    return new OlderClient(credentials, subscription, CASE.url);
  },
  '@azure/arm-commerce': (token = CASE.tokens.reader, subscription = CASE.subscription) => {
    const credentials = token ? new msRestJs.TokenCredentials(token) : NO_TOKEN.newer;
    return new newer.UsageManagementClient(credentials, subscription, { baseUri: CASE.url });
  },
};

/**
 * All pages of a query. `azure-arm-commerce` follows the link itself. `listNext` of
 * `@azure/arm-commerce` 3.0 cannot: it asks for the range again and has no parameter for it. Its
 * users cut the token out of the link, where it stands last.
 */
export async function pages(client, query) {
  const list = client.usageAggregates;
  const options = { showDetails: query.details, aggregationGranularity: query.granularity };
  const ask = (more) =>
    list.list(new Date(query.start), new Date(query.end), { ...options, ...more });
  const follow =
    client instanceof OlderClient
      ? (link) => list.listNext(link)
      : (link) => ask({ continuationToken: new URL(link).searchParams.get('continuationToken') });
  const all = [await ask({})];
  while (all.at(-1).nextLink) all.push(await follow(all.at(-1).nextLink));
  return all;
}

const iso = (date) => date.toISOString().replace('.000Z', '+00:00');

/** What names a row: its bucket, usage window, meter and instance. */
export function rowKey(row) {
  const instance = row.instanceData
    ? JSON.parse(row.instanceData)['Microsoft.Resources'].resourceUri
    : row.infoFields?.project ?? '';
  const window = [iso(row.usageStartTime), iso(row.usageEndTime)];
  return [row.name, ...window, row.meterId, instance].join(' ');
}
