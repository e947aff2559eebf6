"""The ledger's table in an object store, opened there by programs that know nothing of the server."""

import json
import os
import unittest
from collections import defaultdict
from decimal import Decimal, localcontext

import polars
from deltalake import DeltaTable

with open(os.environ["TALLYHOUSE_CASE"], encoding="utf-8") as file:
    CASE = json.load(file)

METERS = {meter: Decimal(quantity) for meter, quantity in CASE["meters"].items()}


class Objects(unittest.TestCase):
    def test_deltalake_sums_exactly(self):
        table = DeltaTable(CASE["table"], storage_options=CASE["storage"])
        rows = table.to_pyarrow_table(columns=["meter_id", "quantity"]).to_pylist()
        self.assertEqual(len(rows), CASE["records"])
        sums = defaultdict(Decimal)
        with localcontext() as context:
            context.prec = 60
            for row in rows:
                sums[row["meter_id"]] += row["quantity"]
        self.assertEqual(dict(sums), METERS)

    def test_polars_sums_exactly(self):
        frame = polars.read_delta(CASE["table"], storage_options=CASE["storage"])
        self.assertEqual(frame.height, CASE["records"])
        sums = frame.group_by("meter_id").agg(polars.col("quantity").sum())
        self.assertEqual(dict(sums.iter_rows()), METERS)


if __name__ == "__main__":
    unittest.main()
