"""Lists yesterday's usage and a rate card with Microsoft's client for Python, unmodified.

Usage: TOKEN=… python usage.py https://127.0.0.1:8443 ca.pem SUBSCRIPTION_ID
"""

import os
import sys
from datetime import datetime, timedelta, timezone

from azure.core.credentials import AccessToken
from azure.mgmt.commerce import UsageManagementClient


class IssuedToken:
    """A token that the server issued, in the form that the SDK asks for."""

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
    hour = datetime.now(timezone.utc).replace(minute=0, second=0, microsecond=0)
    rows = client.usage_aggregates.list(
        hour - timedelta(days=1), hour, aggregation_granularity="Hourly"
    )
    count = 0
    for row in rows:
        count += 1
        if count <= 5:
            print(row.usage_start_time, row.meter_name, row.quantity, row.unit)
    print(f"{count} usage aggregates reported in the last 24 hours")

    card = client.rate_card.get(
        "OfferDurableId eq 'MS-AZR-0062P' and Currency eq 'USD' "
        "and Locale eq 'en-US' and RegionInfo eq 'US'"
    )
    print(f"{len(card.meters)} meters on the rate card, in {card.currency}")


if __name__ == "__main__":
    main(*sys.argv[1:])
