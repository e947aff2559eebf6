"""PyPI `azure-cli`: what `az` shows of usage, prices, cost and roles, against what was sent."""

import math
import unittest
import uuid
from datetime import date, timedelta
from urllib.parse import urlencode

from az import CLOUD, Az, Elsewhere, Failed
from case import CASE, SCOPE, expected_charges, expected_rows, instance_key

COMMERCE = f"{SCOPE}/providers/Microsoft.Commerce"
APPLICATIONS = CASE["applications"]
INVOICE_DAYS = ["--period-start-date", "2026-01-01", "--period-end-date", "2026-12-31"]


def usage_url(query):
    parameters = {
        "api-version": "2015-06-01-preview",
        "reportedStartTime": query["start"],
        "reportedEndTime": query["end"],
        "aggregationGranularity": query["granularity"],
        "showDetails": str(query["details"]).lower(),
    }
    return f"{COMMERCE}/UsageAggregates?{urlencode(parameters)}"


def setUpModule():
    global REGISTERED
    REGISTERED = Az()
    REGISTERED.register()


class SignIn(unittest.TestCase):
    def test_in_and_out_again(self):
        az = Az(REGISTERED)
        reader = APPLICATIONS["reader"]
        (account,) = az.sign_in("reader")
        self.assertEqual(account["id"], CASE["subscription"])
        self.assertEqual(account["name"], "ours")
        self.assertEqual(account["state"], "Enabled")
        self.assertEqual(account["tenantId"], CASE["tenant"])
        self.assertEqual(account["cloudName"], CLOUD)
        self.assertEqual(account["user"], {"name": reader["appId"], "type": "servicePrincipal"})
        self.assertEqual(az("account", "list"), [account | {"isDefault": True}])
        az("logout")
        self.assertEqual(az("account", "list"), [])

    def test_with_a_wrong_password(self):
        with self.assertRaisesRegex(Failed, "AADSTS7000215"):
            Az(REGISTERED).sign_in("reader", password="wrong")

    def test_to_a_tenant_that_there_is_not(self):
        with self.assertRaisesRegex(Failed, "tenant"):
            Az(REGISTERED).sign_in("reader", tenant=str(uuid.uuid4()))

    def test_with_instance_discovery_it_would_ask_elsewhere(self):
        az = Az(REGISTERED)
        az.environment["AZURE_CORE_INSTANCE_DISCOVERY"] = "true"
        with self.assertRaisesRegex(Elsewhere, "CONNECT login.microsoftonline.com"):
            az.sign_in("reader")

    def test_without_a_role_there_is_no_subscription(self):
        with self.assertRaisesRegex(Failed, "No subscriptions found for"):
            Az(REGISTERED).sign_in("nobody")


class Reader(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.az = Az(REGISTERED)
        cls.az.sign_in("reader")

    def test_rest_gets_every_row_of_usage_once(self):
        query = next(query for query in CASE["queries"] if query["name"] == "daily with details")
        got, pages, url = {}, 0, usage_url(query)
        while url:
            page = self.az("rest", "--url", url)
            for row in page["value"]:
                properties = row["properties"]
                window = (properties["usageStartTime"], properties["usageEndTime"])
                instance = instance_key(properties.get("instanceData"), properties["infoFields"])
                key = (row["name"], *window, properties["meterId"], instance)
                self.assertNotIn(key, got, "a row came twice")
                got[key] = properties["quantity"]
            url, pages = page.get("nextLink"), pages + 1
        self.assertGreaterEqual(pages, query["pages"])
        # A quantity is a double in this client: that of the decimal that was sent.
        self.assertEqual(got, {key: float(text) for key, text in expected_rows(query).items()})

    def test_rest_gets_the_rate_card(self):
        parameters = {
            "api-version": "2016-08-31-preview",
            "$filter": f"OfferDurableId eq '{CASE['offer']}' and Currency eq 'USD'"
            " and Locale eq 'en-US' and RegionInfo eq 'US'",
        }
        card = self.az("rest", "--url", f"{COMMERCE}/RateCard?{urlencode(parameters)}")
        self.assertEqual(len(card["Meters"]), 3817)
        rates = {meter["MeterId"]: meter["MeterRates"] for meter in card["Meters"]}
        for meter, charge in expected_charges().items():
            if charge is not None:
                quantity = float(CASE["meters"][meter])
                self.assertTrue(math.isclose(rates[meter]["0"] * quantity, charge), meter)
            else:
                self.assertNotIn(meter, rates)

    def test_rest_shows_an_error_with_its_code(self):
        url = f"{COMMERCE}/UsageAggregates?api-version=2015-06-01-preview"
        with self.assertRaisesRegex(Failed, "Bad Request.*reportedStartTime"):
            self.az("rest", "--url", url)

    def test_a_reader_of_bills_gives_no_roles(self):
        role = ["--role", "Reader", "--scope", SCOPE, "--assignee-principal-type", "User"]
        with self.assertRaisesRegex(Failed, "AuthorizationFailed.*roleAssignments/write"):
            self.az("role", "assignment", "create", "--assignee-object-id", str(uuid.uuid4()), *role)

    def test_consumption_usage_adds_up_to_what_was_sent(self):
        items = self.az(
            "consumption", "usage", "list", "--start-date", "2026-02-01",
            "--end-date", "2026-03-31", "--include-meter-details",
        )
        charges = expected_charges()
        used, cost = {}, {}
        for item in items:
            if "meterId" not in item:
                continue  # what the offer's terms add
            self.assertEqual(item["currency"], "USD")
            self.assertIn(item["usageStart"][:8], ["2026-02-", "2026-03-"])
            self.assertEqual(item["usageStart"][:10], item["usageEnd"][:10])
            used.setdefault(item["meterId"], []).append(float(item["usageQuantity"]))
            priced = charges[item["meterId"]] is not None
            self.assertEqual(item["pretaxCost"] == "None", not priced)
            if priced:
                cost.setdefault(item["meterId"], []).append(float(item["pretaxCost"]))
                self.assertEqual(item["billableQuantity"], item["usageQuantity"])
                self.assertTrue(item["meterDetails"]["meterName"])
        self.assertEqual(used.keys(), CASE["meters"].keys())
        for meter, quantity in CASE["meters"].items():
            self.assertTrue(math.isclose(math.fsum(used[meter]), float(quantity)), meter)
            if charges[meter] is not None:
                self.assertTrue(math.isclose(math.fsum(cost[meter]), charges[meter]), meter)

    def test_consumption_pricesheet_has_the_card(self):
        sheet = self.az("consumption", "pricesheet", "show", "--include-meter-details", "true")
        prices = {row["meterId"]: row for row in sheet["pricesheets"]}
        charges = expected_charges()
        shown = [meter for meter in charges if meter in prices]  # az asks for the first page alone
        self.assertGreater(len(shown), 5)
        for meter in shown:
            self.assertEqual(prices[meter]["currencyCode"], "USD")
            charge = float(prices[meter]["unitPrice"]) * float(CASE["meters"][meter])
            self.assertTrue(math.isclose(charge, charges[meter]), meter)

    def test_billing_periods_come_newest_first(self):
        periods = self.az("billing", "period", "list")
        names = [period["name"] for period in periods]
        for name in names:
            self.assertRegex(name, r"^20\d{4}-1$")
        self.assertEqual(names, sorted(names, reverse=True))
        self.assertEqual(names[-1], "202602-1", "the month of the first usage")
        days = [
            [date.fromisoformat(period[f"billingPeriod{end}Date"]) for end in ("Start", "End")]
            for period in periods
        ]
        self.assertGreaterEqual(days[0][1], date.today() - timedelta(days=1))
        for later, earlier in zip(days, days[1:]):
            self.assertEqual(later[0], earlier[1] + timedelta(days=1))
        self.assertEqual(self.az("billing", "period", "show", "--name", names[1]), periods[1])

    def test_there_are_no_billing_accounts(self):
        self.assertEqual(self.az("billing", "account", "list"), [])

    def test_invoices_that_others_may_not_download(self):
        with self.assertRaisesRegex(Failed, "Forbidden.*download invoices"):
            self.az("billing", "invoice", "list", *INVOICE_DAYS)

    def test_no_invoices_where_others_may_download_them(self):
        az = Az(REGISTERED)
        (account,) = az.sign_in("accountant")
        self.assertEqual(account["id"], CASE["otherSubscription"])
        self.assertEqual(az("billing", "invoice", "list", *INVOICE_DAYS), [])


class Roles(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.az = Az(REGISTERED)
        cls.az.sign_in("owner")

    def assignments(self, *selected):
        listed = self.az("role", "assignment", "list", *selected)
        return [(one["principalId"], one["roleDefinitionName"], one["scope"]) for one in listed]

    def test_definitions_by_name_and_all(self):
        (reader,) = self.az("role", "definition", "list", "--name", "Billing Reader")
        self.assertEqual(reader["roleType"], "BuiltInRole")
        self.assertIn("Microsoft.Billing/*/read", reader["permissions"][0]["actions"])
        names = {one["roleName"] for one in self.az("role", "definition", "list")}
        self.assertLessEqual({"Owner", "Contributor", "Reader", "Billing Reader", "Usage Writer"}, names)

    def test_a_principal_gets_a_role_and_loses_it(self):
        nobody = APPLICATIONS["nobody"]
        assignee = ["--assignee-object-id", nobody["objectId"]]
        typed = [*assignee, "--assignee-principal-type", "ServicePrincipal"]
        role = ["--role", "Billing Reader", "--scope", SCOPE]
        made = self.az("role", "assignment", "create", *typed, *role)
        self.assertEqual(made["principalId"], nobody["objectId"])
        self.assertEqual(made["principalType"], "ServicePrincipal")
        expected = [(nobody["objectId"], "Billing Reader", SCOPE)]
        self.assertEqual(self.assignments(*assignee), expected)
        (account,) = Az(REGISTERED).sign_in("nobody")
        self.assertEqual(account["id"], CASE["subscription"])
        again = self.az("role", "assignment", "create", *typed, *role)
        self.assertEqual(again["id"], made["id"], "what is there already is no error")
        self.az("role", "assignment", "delete", *assignee, *role)
        self.assertEqual(self.assignments(*assignee), [])

    def test_a_role_goes_to_the_service_principal_of_an_appid(self):
        nobody = APPLICATIONS["nobody"]
        role = ["--role", "Reader", "--scope", f"{SCOPE}/resourceGroups/rg-2"]
        made = self.az("role", "assignment", "create", "--assignee", nobody["appId"], *role)
        self.assertEqual(made["principalId"], nobody["objectId"])
        self.assertEqual(made["principalType"], "ServicePrincipal")
        scope = role[2:]
        for name in ("appId", "objectId"):
            listed = self.az("role", "assignment", "list", "--assignee", nobody[name], *scope)
            self.assertEqual([one["id"] for one in listed], [made["id"]], name)
            self.assertEqual(listed[0]["principalName"], nobody["appId"])
        table = self.az.text("role", "assignment", "list", *scope, "-o", "table")
        heads, _, row = table.splitlines()
        self.assertEqual(heads.split(), ["Principal", "Role", "Scope"])
        self.assertEqual(row.split(), [nobody["appId"], "Reader", scope[1]])
        self.az("role", "assignment", "delete", "--assignee", nobody["appId"], *role)
        self.assertEqual(self.assignments(*scope), [])

    def test_an_assignee_that_nobody_knows_gets_no_role(self):
        role = ["--role", "Reader", "--scope", SCOPE]
        with self.assertRaisesRegex(Failed, "Cannot find user or service principal"):
            self.az("role", "assignment", "create", "--assignee", str(uuid.uuid4()), *role)

    def test_an_appid_is_no_object_id(self):
        nobody = APPLICATIONS["nobody"]
        assignee = ["--assignee-object-id", nobody["appId"]]
        typed = [*assignee, "--assignee-principal-type", "ServicePrincipal"]
        with self.assertRaisesRegex(Failed, f"object id is '{nobody['objectId']}'"):
            self.az("role", "assignment", "create", *typed, "--role", "Reader", "--scope", SCOPE)

    def test_a_group_gets_a_role_in_a_resource_group(self):
        group = str(uuid.uuid4())
        scope = f"{SCOPE}/resourceGroups/rg-1"
        made = self.az(
            "role", "assignment", "create", "--assignee-object-id", group,
            "--assignee-principal-type", "Group", "--role", "Reader", "--scope", scope,
        )
        self.assertEqual((made["principalType"], made["scope"]), ("Group", scope))
        self.assertEqual(self.assignments("--scope", scope), [(group, "Reader", scope)])
        self.assertIn((group, "Reader", scope), self.assignments("--all"))
        self.az("role", "assignment", "delete", "--ids", made["id"])
        self.assertEqual(self.assignments("--scope", scope), [])


if __name__ == "__main__":
    unittest.main()
