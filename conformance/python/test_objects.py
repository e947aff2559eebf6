"""The ledger's table in an object store, opened there by programs that know nothing of the server."""

import unittest
from collections import defaultdict
from decimal import Decimal, localcontext

import polars

from load import CASE
from readers import STORAGE, TABLE, open_table, usage_in_duckdb

METERS = {meter: Decimal(quantity) for meter, quantity in CASE["meters"].items()}


class Objects(unittest.TestCase):
    def test_deltalake_sums_exactly(self):
        rows = open_table().to_pyarrow_table(columns=["meter_id", "quantity"]).to_pylist()
        self.assertEqual(len(rows), CASE["records"])
        sums = defaultdict(Decimal)
        with localcontext() as context:
            context.prec = 60
            for row in rows:
                sums[row["meter_id"]] += row["quantity"]
        self.assertEqual(dict(sums), METERS)

    def test_polars_sums_exactly(self):
        frame = polars.read_delta(TABLE, storage_options=STORAGE)
        self.assertEqual(frame.height, CASE["records"])
        sums = frame.group_by("meter_id").agg(polars.col("quantity").sum())
        self.assertEqual(dict(sums.iter_rows()), METERS)

    def test_duckdb_sums_exactly(self):
        query = "SELECT meter_id, sum(quantity), count(*) FROM usage GROUP BY ALL"
        rows = usage_in_duckdb().execute(query).fetchall()
        self.assertEqual(sum(row[2] for row in rows), CASE["records"])
        self.assertEqual({row[0]: row[1] for row in rows}, METERS)


if __name__ == "__main__":
    unittest.main()
