"""Spend of all usage, events and imports, for each meter: quantities as they were sent."""

import unittest
from fractions import Fraction

import requests

from case import CASE, TOKENS, URL


def exact(text):
    """An amount has more digits than `Decimal` keeps in a sum."""
    return Fraction(text)


def cost(group):
    answer = requests.get(
        f"{URL}/tallyhouse/v1/subscriptions/{CASE['subscription']}/cost",
        params={"from": "2026-02-01", "to": "2026-04-01", "groupBy": group},
        headers={"Authorization": f"Bearer {TOKENS['reader']}"},
        verify=CASE["authority"],
    )
    answer.raise_for_status()
    return answer.json()


class Cost(unittest.TestCase):
    def test_quantities_by_meter_are_those_sent(self):
        spent = cost("meter")
        got = {group["key"]: exact(group["quantity"]) for group in spent["groups"]}
        for unpriced in spent["unpriced"]:
            self.assertNotIn(unpriced["meterId"], got)
            got[unpriced["meterId"]] = exact(unpriced["quantity"])
        self.assertEqual(got.keys(), CASE["meters"].keys())
        for meter, sent in CASE["meters"].items():
            self.assertEqual(got[meter], exact(sent), meter)
        self.assertEqual([unpriced["reason"] for unpriced in spent["unpriced"]], ["not on rate card"])

    def test_groups_add_up_to_one_total(self):
        totals = set()
        for group in ["meter", "category", "day", "hour,location", "resource-group", "tag:Department"]:
            spent = cost(group)
            total = sum((exact(one["net"]) for one in spent["groups"]), Fraction())
            total += sum((exact(term["amount"]) for term in spent["terms"]), Fraction())
            self.assertEqual(total, exact(spent["total"]), group)
            totals.add(total)
        self.assertEqual(len(totals), 1)


if __name__ == "__main__":
    unittest.main()
