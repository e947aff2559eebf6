"""The export in FOCUS's columns beside the cost of the same billing periods: sums are equal."""

import csv
import io
import unittest
from collections import defaultdict
from fractions import Fraction

import requests

from case import CASE, TOKENS, URL

HEADERS = {"Authorization": f"Bearer {TOKENS['reader']}"}
MONTHS = ["2026-01", "2026-02", "2026-03"]


def get(path, **parameters):
    answer = requests.get(
        URL + path, params=parameters, headers=HEADERS, verify=CASE["authority"]
    )
    answer.raise_for_status()
    return answer


def cost(month):
    path = f"/tallyhouse/v1/subscriptions/{CASE['subscription']}/cost"
    return get(path, period=month, groupBy="meter").json()


def exported(granularity):
    answer = get(
        "/tallyhouse/v1/exports/focus",
        subscription=CASE["subscription"],
        period=MONTHS[0],
        through=MONTHS[-1],
        granularity=granularity,
    )
    return list(csv.DictReader(io.StringIO(answer.text)))


class Focus(unittest.TestCase):
    def test_sums_by_charge_category_are_those_of_the_bill(self):
        expected = defaultdict(Fraction)
        for month in MONTHS:
            totals = cost(month)["totals"]
            expected["Usage"] += Fraction(totals["charges"])
            expected["Purchase"] += Fraction(totals["recurring"])
            expected["Credit"] -= Fraction(totals["credit"])
        self.assertGreater(expected["Usage"], 0)
        self.assertLess(expected["Credit"], 0)
        for granularity in ["daily", "hourly"]:
            found = defaultdict(Fraction)
            for row in exported(granularity):
                found[row["ChargeCategory"]] += Fraction(row["BilledCost"])
            found["Purchase"] += 0
            self.assertEqual(found, expected, granularity)

    def test_quantities_by_meter_are_those_sent(self):
        found = defaultdict(Fraction)
        for row in exported("daily"):
            if row["ConsumedQuantity"]:
                found[row["x_SkuMeterId"]] += Fraction(row["ConsumedQuantity"])
        sent = {meter: Fraction(quantity) for meter, quantity in CASE["meters"].items()}
        self.assertEqual(found, sent)

    def test_numbers_that_parquet_cannot_hold_are_refused_by_name(self):
        answer = requests.get(
            URL + "/tallyhouse/v1/exports/focus",
            params={"subscription": CASE["subscription"], "period": "2026-02", "format": "parquet"},
            headers=HEADERS,
            verify=CASE["authority"],
        )
        self.assertEqual(answer.status_code, 422)
        self.assertRegex(answer.json()["error"]["message"], r"row \d+, column \w+: .*CSV has no such limit")


if __name__ == "__main__":
    unittest.main()
