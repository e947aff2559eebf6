"""Azure's SDK as its documentation says, but for the address and the authority."""

import time

from azure.core.credentials import AccessToken
from azure.mgmt.commerce import UsageManagementClient

from case import CASE, TOKENS, URL


class Token:
    """A credential that always gives the same token."""

    def __init__(self, text):
        self.text = text

    def get_token(self, *scopes, **options):
        return AccessToken(self.text, int(time.time()) + 3600)


def commerce(token=TOKENS["reader"], subscription=CASE["subscription"], **options):
    """A client of Microsoft.Commerce."""
    return UsageManagementClient(
        Token(token),
        subscription,
        base_url=URL,
        credential_scopes=[URL + "/.default"],
        connection_verify=CASE["authority"],
        **options,
    )
