"""PyPI `azure-mgmt-costmanagement`, signed in by `azure-identity`: cost queries."""

import math
import unittest
from datetime import datetime, timezone

from azure.core.exceptions import HttpResponseError
from azure.mgmt.costmanagement import CostManagementClient
from azure.mgmt.costmanagement import models

from case import CASE, SCOPE, expected_charges
from clients import signed_in

WHOLE = models.QueryTimePeriod(
    from_property=datetime(2026, 2, 1, tzinfo=timezone.utc),
    to=datetime(2026, 3, 31, tzinfo=timezone.utc),
)


def rows(name="reader", timeframe="Custom", **dataset):
    """The rows of a query, by the names of their columns."""
    aggregation = {
        "cost": models.QueryAggregation(name="Cost", function="Sum"),
        "used": models.QueryAggregation(name="UsageQuantity", function="Sum"),
    }
    asked = models.QueryDefinition(
        type="ActualCost",
        timeframe=timeframe,
        time_period=WHOLE if timeframe == "Custom" else None,
        dataset=models.QueryDataset(aggregation=aggregation, **dataset),
    )
    answer = signed_in(CostManagementClient, name=name).query.usage(SCOPE.strip("/"), asked)
    names = [column.name for column in answer.columns]
    assert not answer.next_link
    return [dict(zip(names, row)) for row in answer.rows]


def by(*names):
    return [models.QueryGrouping(type="Dimension", name=name) for name in names]


class CostManagement(unittest.TestCase):
    def test_cost_by_meter_is_what_was_sent_at_the_cards_prices(self):
        got = {row["MeterId"]: row for row in rows(grouping=by("MeterId"))}
        for meter, charge in expected_charges().items():
            row = got.pop(meter)
            self.assertEqual(row["Currency"], "USD")
            self.assertTrue(math.isclose(row["UsageQuantity"], float(CASE["meters"][meter])), meter)
            if charge is None:
                self.assertIsNone(row["Cost"])
            else:
                self.assertTrue(math.isclose(row["Cost"], charge), meter)
        self.assertTrue(all(row["Cost"] < 0 for row in got.values()), "the offer's credit")

    def test_every_grouping_has_one_total(self):
        totals = [
            math.fsum(row["Cost"] or 0 for row in rows(granularity=granularity, grouping=grouping))
            for granularity, grouping in [
                ("None", by("ServiceName")),
                ("Daily", by("ResourceGroupName")),
                ("Monthly", by("ResourceLocation", "ChargeType")),
                ("None", [models.QueryGrouping(type="TagKey", name="Department")]),
            ]
        ]
        for total in totals:
            self.assertTrue(math.isclose(total, totals[0]), totals)

    def test_a_filter_selects(self):
        dimension = models.QueryComparisonExpression(
            name="ResourceGroupName", operator="In", values_property=["rg-1", "rg-2"]
        )
        grouping = by("ResourceGroupName")
        selected = rows(grouping=grouping, filter=models.QueryFilter(dimensions=dimension))
        everything = rows(grouping=grouping)
        wanted = [row for row in everything if row["ResourceGroupName"] in ["rg-1", "rg-2"]]
        self.assertEqual(len(wanted), 2)
        self.assertEqual(sorted(selected, key=str), sorted(wanted, key=str))

    def test_a_month_without_usage_has_no_row(self):
        self.assertEqual(rows(timeframe="TheLastMonth", grouping=by("MeterId")), [])

    def test_without_the_right(self):
        with self.assertRaises(HttpResponseError) as caught:
            rows(name="nobody")
        self.assertEqual(caught.exception.status_code, 403)
        self.assertIn("Microsoft.CostManagement/query", caught.exception.message)


if __name__ == "__main__":
    unittest.main()
