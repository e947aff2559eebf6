"""PyPI `azure-mgmt-consumption`, signed in by `azure-identity`: usage details and price sheet."""

import math
import unittest
from functools import lru_cache

from azure.core.exceptions import HttpResponseError
from azure.mgmt.consumption import ConsumptionManagementClient

from case import CASE, SCOPE, expected_charges
from clients import signed_in

DAYS = "properties/usageStart ge '2026-02-01' and properties/usageEnd le '2026-03-31'"


def details(**options):
    client = signed_in(ConsumptionManagementClient, CASE["subscription"])
    return client.usage_details.list(SCOPE.strip("/"), filter=options.pop("filter", DAYS), **options)


@lru_cache
def every_item():
    return list(details(expand="properties/meterDetails,properties/additionalInfo"))


class Consumption(unittest.TestCase):
    def test_items_of_all_pages_add_up_to_what_was_sent(self):
        used, cost, names = {}, {}, set()
        for page in details(top=500, metric="ActualCost").by_page():
            page = list(page)
            self.assertLessEqual(len(page), 500)
            for item in page:
                self.assertEqual(item.kind, "legacy")
                self.assertNotIn(item.id, names, "an item came twice")
                names.add(item.id)
                if item.charge_type == "Usage":
                    used.setdefault(item.meter_id, []).append(item.quantity)
                    cost.setdefault(item.meter_id, []).append(item.cost)
        self.assertGreater(len(names), 1000)
        self.assertEqual(used.keys(), CASE["meters"].keys())
        for meter, charge in expected_charges().items():
            sent = float(CASE["meters"][meter])
            self.assertTrue(math.isclose(math.fsum(used[meter]), sent), meter)
            if charge is None:
                self.assertEqual(set(cost[meter]), {None})
            else:
                self.assertTrue(math.isclose(math.fsum(cost[meter]), charge), meter)

    def test_expanded_items_describe_their_meter(self):
        described = [item for item in every_item() if item.charge_type == "Usage"]
        self.assertTrue(all(item.meter_details.meter_name for item in described))
        infos = {item.additional_info for item in described if item.additional_info}
        self.assertTrue(any("Standard_D1" in info for info in infos), infos)

    def test_filters_select_from_the_same_items(self):
        of_group = lambda item: (item.resource_group or "").lower() == "rg-1"
        by_sales = lambda item: (item.tags or {}).get("Department") == "Sales"
        for words, selected in [
            ("properties/resourceGroup eq 'rg-1'", of_group),
            ("tags eq 'Department:Sales'", by_sales),
        ]:
            got = {item.id for item in details(filter=f"{DAYS} and {words}")}
            self.assertEqual(got, {item.id for item in every_item() if selected(item)}, words)
            self.assertGreater(len(got), 0, words)

    def test_a_filter_that_is_none(self):
        with self.assertRaises(HttpResponseError) as caught:
            list(details(filter="properties/usageStart like 'x'"))
        self.assertEqual((caught.exception.status_code, caught.exception.error.code), (400, "BadRequest"))

    def test_the_price_sheet_has_the_cards_prices(self):
        client = signed_in(ConsumptionManagementClient, CASE["subscription"])
        prices, token = {}, None
        while True:
            sheet = client.price_sheet.get(expand="properties/meterDetails", top=1000, skiptoken=token)
            for row in sheet.pricesheets:
                self.assertNotIn(row.meter_id, prices, "a meter came twice")
                self.assertEqual((row.currency_code, row.included_quantity is None), ("USD", False))
                self.assertTrue(row.meter_details.meter_name)
                prices[row.meter_id] = row.unit_price
            if not sheet.next_link:
                break
            token = sheet.next_link.split("skiptoken=")[1]
        self.assertEqual(len(prices), 3817)
        for meter, charge in expected_charges().items():
            if charge is not None:
                cost = float(prices[meter]) * float(CASE["meters"][meter])
                self.assertTrue(math.isclose(cost, charge), meter)


if __name__ == "__main__":
    unittest.main()
