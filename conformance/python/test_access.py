"""PyPI `azure-identity`, `azure-mgmt-authorization` and `azure-mgmt-subscription`: who may what."""

import unittest
import uuid

from azure.core.exceptions import ClientAuthenticationError, HttpResponseError, ResourceNotFoundError
from azure.mgmt.authorization import AuthorizationManagementClient
from azure.mgmt.subscription import SubscriptionClient

from case import CASE, SCOPE, URL
from clients import credential, signed_in


def authorization(name="owner"):
    return signed_in(AuthorizationManagementClient, CASE["subscription"], name=name)


class SignIn(unittest.TestCase):
    def test_a_wrong_secret(self):
        with self.assertRaisesRegex(ClientAuthenticationError, "AADSTS7000215"):
            credential("reader", "wrong").get_token(URL + "/.default")

    def test_another_audience(self):
        with self.assertRaisesRegex(ClientAuthenticationError, "AADSTS"):
            credential("reader").get_token("https://graph.microsoft.com/.default")


class Subscriptions(unittest.TestCase):
    def test_whoever_has_a_role_finds_the_subscription_and_its_tenant(self):
        client = signed_in(SubscriptionClient)
        (subscription,) = client.subscriptions.list()
        self.assertEqual((subscription.id, subscription.state), (SCOPE, "Enabled"))
        self.assertEqual(subscription.subscription_id, CASE["subscription"])
        self.assertEqual(subscription.display_name, "ours")
        one = client.subscriptions.get(CASE["subscription"])
        self.assertEqual(one.display_name, subscription.display_name)
        (tenant,) = client.tenants.list()
        self.assertEqual(tenant.tenant_id, CASE["tenant"])

    def test_whoever_has_none_finds_nothing(self):
        client = signed_in(SubscriptionClient, name="nobody")
        self.assertEqual(list(client.subscriptions.list()), [])


class Roles(unittest.TestCase):
    def role(self, name):
        (found,) = authorization().role_definitions.list(SCOPE, filter=f"roleName eq '{name}'")
        return found

    def test_definitions_say_what_they_allow(self):
        reader = self.role("Billing Reader")
        self.assertEqual((reader.role_name, reader.role_type), ("Billing Reader", "BuiltInRole"))
        self.assertIn("Microsoft.Billing/*/read", reader.permissions[0].actions)
        same = authorization().role_definitions.get_by_id(reader.id)
        self.assertEqual(same.description, reader.description)

    def test_an_assignment_is_made_found_and_removed(self):
        assignments = authorization().role_assignments
        scope = f"{SCOPE}/resourceGroups/rg-2"
        principal, name = str(uuid.uuid4()), str(uuid.uuid4())
        asked = {
            "role_definition_id": self.role("Reader").id,
            "principal_id": principal,
            "principal_type": "User",
        }
        made = assignments.create(scope, name, asked)
        self.assertEqual((made.name, made.scope, made.principal_id), (name, scope, principal))
        kept = assignments.get(scope, name)
        self.assertEqual((kept.id, kept.principal_type), (made.id, "User"))
        self.assertEqual(kept.created_by, CASE["applications"]["owner"]["objectId"])
        (found,) = assignments.list_for_subscription(filter=f"principalId eq '{principal}'")
        self.assertEqual(found.id, made.id)
        self.assertIn(made.id, [one.id for one in assignments.list_for_scope(scope, filter="atScope()")])
        with self.assertRaises(HttpResponseError) as caught:
            assignments.create(scope, str(uuid.uuid4()), asked)
        self.assertEqual(caught.exception.error.code, "RoleAssignmentExists")
        self.assertEqual(assignments.delete(scope, name).id, made.id)
        self.assertIsNone(assignments.delete(scope, name), "what is gone is no error")
        with self.assertRaises(ResourceNotFoundError):
            assignments.get(scope, name)

    def test_a_reader_of_bills_gives_no_roles(self):
        asked = {"role_definition_id": self.role("Reader").id, "principal_id": str(uuid.uuid4())}
        with self.assertRaises(HttpResponseError) as caught:
            authorization("reader").role_assignments.create(SCOPE, str(uuid.uuid4()), asked)
        self.assertEqual(caught.exception.status_code, 403)
        self.assertIn("roleAssignments/write", caught.exception.message)


if __name__ == "__main__":
    unittest.main()
