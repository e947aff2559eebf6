"""Azure's SDK as its documentation says, but for the address and the authority."""

import logging
import time
from functools import lru_cache

from azure.core.credentials import AccessToken
from azure.identity import ClientSecretCredential
from azure.mgmt.commerce import UsageManagementClient

from case import CASE, TOKENS, URL

logging.getLogger("azure.identity").setLevel(logging.CRITICAL)  # the tests read what is raised


class Token:
    """A credential that always gives the same token."""

    def __init__(self, text):
        self.text = text

    def get_token(self, *scopes, **options):
        return AccessToken(self.text, int(time.time()) + 3600)


def commerce(token=TOKENS["reader"], subscription=CASE["subscription"], **options):
    """A client of Microsoft.Commerce, with a token at hand."""
    return UsageManagementClient(Token(token), subscription, **where(), **options)


@lru_cache
def credential(name, secret=None):
    """Signs in as one of the case's service principals."""
    application = CASE["applications"][name]
    return ClientSecretCredential(
        application["tenant"],
        application["appId"],
        secret or application["password"],
        authority=URL,
        disable_instance_discovery=True,
        connection_verify=CASE["authority"],
    )


def signed_in(kind, *arguments, name="reader"):
    """A client of this kind, signed in as a service principal."""
    return kind(credential(name), *arguments, **where())


def where():
    return {
        "base_url": URL,
        "credential_scopes": [URL + "/.default"],
        "connection_verify": CASE["authority"],
    }
