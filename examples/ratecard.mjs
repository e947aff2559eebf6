// Reads a rate card with Microsoft's client for JavaScript, unmodified
// (npm @azure/arm-commerce-profile-2020-09-01-hybrid).
//
// Usage: TOKEN=… NODE_EXTRA_CA_CERTS=ca.pem node ratecard.mjs https://127.0.0.1:8443 SUBSCRIPTION_ID
import { UsageManagementClient } from '@azure/arm-commerce-profile-2020-09-01-hybrid';

const FILTER =
  "OfferDurableId eq 'MS-AZR-0062P' and Currency eq 'USD'" +
  " and Locale eq 'en-US' and RegionInfo eq 'US'";
const METER = '9995d93a-7d35-4d3f-9c69-7a7fea447ef4';

const [server, subscription] = process.argv.slice(2);
const issuedToken = {
  getToken: async () => ({ token: process.env.TOKEN, expiresOnTimestamp: Date.now() + 3600_000 }),
};
const client = new UsageManagementClient(issuedToken, subscription, {
  endpoint: server,
  credentialScopes: `${server}/.default`,
});

const card = await client.rateCard.get(FILTER);
console.log(`${card.meters.length} meters in ${card.currency}`);
const meter = card.meters.find((meter) => meter.meterId === METER);
console.log(`${meter.meterName}, ${meter.meterRegion}, by ${meter.unit}:`);
const tiers = Object.entries(meter.meterRates).map(([bound, rate]) => [Number(bound), rate]);
for (const [bound, rate] of tiers.sort(([one], [other]) => one - other)) {
  console.log(`from ${bound}: ${rate.toFixed(3)}`);
}
