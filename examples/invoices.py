"""Lists billing periods and invoices with Microsoft's client for Python (azure-mgmt-billing 0.2.0,
the last one that knows invoices of subscriptions), unmodified.

Usage: TOKEN=… python invoices.py https://127.0.0.1:8443 ca.pem SUBSCRIPTION_ID
"""

import os
import sys

from azure.mgmt.billing import BillingManagementClient
from msrest.authentication import BasicTokenAuthentication


def main(server, authority, subscription):
    token = BasicTokenAuthentication({"access_token": os.environ["TOKEN"]})
    client = BillingManagementClient(token, subscription, base_url=server)
    client.config.connection.verify = authority

    periods = list(client.billing_periods.list())  # follows the pages itself
    print(f"billing periods: {len(periods)}")
    for period in periods:
        start, end = period.billing_period_start_date, period.billing_period_end_date
        print(f"{period.name}: {start} to {end}")

    invoices = list(client.invoices.list(expand="downloadUrl"))
    for invoice in invoices:
        start, end = invoice.invoice_period_start_date, invoice.invoice_period_end_date
        print(f"invoice {invoice.name}: {start} to {end}, {invoice.download_url.url}")
    if not invoices:
        print("no invoice yet")


if __name__ == "__main__":
    main(*sys.argv[1:])
