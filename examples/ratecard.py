"""Reads a rate card with Microsoft's client for Python (azure-mgmt-commerce), unmodified.

Usage: TOKEN=… python ratecard.py https://127.0.0.1:8443 ca.pem SUBSCRIPTION_ID
"""

import os
import sys

from azure.core.credentials import AccessToken
from azure.mgmt.commerce import UsageManagementClient

FILTER = (
    "OfferDurableId eq 'MS-AZR-0062P' and Currency eq 'USD'"
    " and Locale eq 'en-US' and RegionInfo eq 'US'"
)
METER = "9995d93a-7d35-4d3f-9c69-7a7fea447ef4"


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
    card = client.rate_card.get(FILTER)
    print(f"{len(card.meters)} meters in {card.currency}")
    meter = next(meter for meter in card.meters if meter.meter_id == METER)
    print(f"{meter.meter_name}, {meter.meter_region}, by {meter.unit}:")
    for bound, rate in sorted((float(bound), rate) for bound, rate in meter.meter_rates.items()):
        print(f"from {bound:.15g}: {rate:.3f}")


if __name__ == "__main__":
    main(*sys.argv[1:])
