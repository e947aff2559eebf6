"""Sums a week's usage by unit with Microsoft's client for Python (azure-mgmt-commerce), unmodified.

Usage: TOKEN=… python usage.py https://127.0.0.1:8443 ca.pem SUBSCRIPTION_ID
"""

import os
import sys
from collections import Counter
from datetime import datetime, timedelta, timezone

from azure.core.credentials import AccessToken
from azure.mgmt.commerce import UsageManagementClient


class IssuedToken:
    """A token that was issued before, in the form that the SDK asks for."""

    def get_token(self, *scopes, **options):
        return AccessToken(os.environ["TOKEN"], 2**31)


def main(server, authority, subscription):
    client = UsageManagementClient(
        IssuedToken(),
        subscription,
        base_url=server,
        credential_scopes=[server + "/.default"],
        connection_verify=authority,
    )
    end = datetime.now(timezone.utc).replace(hour=0, minute=0, second=0, microsecond=0)
    start = end - timedelta(days=7)

    count, sums = 0, Counter()
    rows = client.usage_aggregates.list(start, end, aggregation_granularity="Hourly")
    for row in rows:  # follows the pages itself
        count += 1
        sums[row.unit] += row.quantity
    print(f"{count} usage aggregates reported from {start:%Y-%m-%d} to {end:%Y-%m-%d}")
    for unit in sorted(sums):
        print(f"{sums[unit]:.3f} {unit}")


if __name__ == "__main__":
    main(*sys.argv[1:])
