// Lists billing periods and invoices with Microsoft's client for JavaScript, unmodified
// (npm azure-arm-billing).
//
// Usage: TOKEN=… NODE_EXTRA_CA_CERTS=ca.pem node invoices.mjs https://127.0.0.1:8443 SUBSCRIPTION_ID
import BillingManagementClient from 'azure-arm-billing';
import msRest from 'ms-rest';

const [server, subscription] = process.argv.slice(2);
const token = new msRest.TokenCredentials(process.env.TOKEN);
const client = new BillingManagementClient(token, subscription, server);
const day = (date) => date.toISOString().slice(0, 10);

async function all(calls, options) {
  const items = [];
  let page = await calls.list(options);
  for (;;) {
    items.push(...page);
    if (!page.nextLink) return items;
    page = await calls.listNext(page.nextLink);
  }
}

const periods = await all(client.billingPeriods);
console.log(`billing periods: ${periods.length}`);
for (const { name, billingPeriodStartDate: start, billingPeriodEndDate: end } of periods) {
  console.log(`${name}: ${day(start)} to ${day(end)}`);
}
const invoices = await all(client.invoices, { expand: 'downloadUrl' });
for (const invoice of invoices) {
  const { name, invoicePeriodStartDate: start, invoicePeriodEndDate: end } = invoice;
  console.log(`invoice ${name}: ${day(start)} to ${day(end)}, ${invoice.downloadUrl.url}`);
}
if (invoices.length === 0) console.log('no invoice yet');
