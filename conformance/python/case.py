"""The case that `cargo xtask conformance` made: what the server was sent, and how to reach it."""

import json
import os
import time

from azure.core.credentials import AccessToken
from azure.mgmt.commerce import UsageManagementClient

with open(os.environ["TALLYHOUSE_CASE"], encoding="utf-8") as file:
    CASE = json.load(file)

URL = CASE["url"]
TOKENS = CASE["tokens"]


class Token:
    """A credential that always gives the same token."""

    def __init__(self, text):
        self.text = text

    def get_token(self, *scopes, **options):
        return AccessToken(self.text, int(time.time()) + 3600)


def client(token=TOKENS["reader"], subscription=CASE["subscription"], **options):
    """The SDK's client as its documentation says, but for the address and the authority."""
    return UsageManagementClient(
        Token(token),
        subscription,
        base_url=URL,
        credential_scopes=[URL + "/.default"],
        connection_verify=CASE["authority"],
        **options,
    )


def expected_rows(query):
    """The rows of a query by what names them: their bucket, usage window, meter and instance."""
    return {tuple(row[:5]): row[5] for row in query["rows"]}


def instance_key(instance_data, info_fields):
    """What the case knows an instance by: its resource, its legacy project, or nothing."""
    if instance_data:
        return json.loads(instance_data)["Microsoft.Resources"]["resourceUri"]
    return (info_fields or {}).get("project", "")
