// Sums a week's usage by unit with Microsoft's client for JavaScript, unmodified
// (npm @azure/arm-commerce-profile-2020-09-01-hybrid).
//
// Usage: TOKEN=… NODE_EXTRA_CA_CERTS=ca.pem node usage.mjs https://127.0.0.1:8443 SUBSCRIPTION_ID
import { UsageManagementClient } from '@azure/arm-commerce-profile-2020-09-01-hybrid';

const [server, subscription] = process.argv.slice(2);
const issuedToken = {
  getToken: async () => ({ token: process.env.TOKEN, expiresOnTimestamp: Date.now() + 3600_000 }),
};
const client = new UsageManagementClient(issuedToken, subscription, {
  endpoint: server,
  credentialScopes: `${server}/.default`,
});

const end = new Date(new Date().setUTCHours(0, 0, 0, 0));
const start = new Date(end - 7 * 86_400_000);
const day = (date) => date.toISOString().slice(0, 10);

let count = 0;
const sums = {};
const rows = client.usageAggregates.list(start, end, { aggregationGranularity: 'Hourly' });
for await (const row of rows) {
  count += 1;
  sums[row.unit] = (sums[row.unit] ?? 0) + row.quantity;
}
console.log(`${count} usage aggregates reported from ${day(start)} to ${day(end)}`);
for (const unit of Object.keys(sums).sort()) console.log(`${sums[unit].toFixed(3)} ${unit}`);
