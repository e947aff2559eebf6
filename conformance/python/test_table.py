"""The ledger's table, opened where it lies by programs that know nothing of the server."""

import json
import os
import pathlib
import shutil
import tempfile
import unittest
from decimal import Decimal, localcontext

import duckdb
import polars
from deltalake import DeltaTable

with open(os.environ["TALLYHOUSE_CASE"], encoding="utf-8") as file:
    CASE = json.load(file)

TABLE = CASE["table"]
SUM = Decimal(CASE["sum"])


def total(quantities):
    with localcontext() as context:
        context.prec = 60
        return sum(quantities, Decimal(0))


class Table(unittest.TestCase):
    def test_deltalake_reads_every_record(self):
        quantities = DeltaTable(TABLE).to_pyarrow_table(columns=["quantity"])["quantity"].to_pylist()
        self.assertEqual(len(quantities), CASE["records"])
        self.assertEqual(total(quantities), SUM)

    def test_joined_files_change_no_data(self):
        table = DeltaTable(TABLE)
        joins = [each["version"] for each in table.history() if each["operation"] == "OPTIMIZE"]
        self.assertTrue(joins)
        for version in joins:
            states = []
            for read in (version - 1, version):
                table.load_as_version(read)
                quantities = table.to_pyarrow_table(columns=["quantity"])["quantity"].to_pylist()
                states.append((len(quantities), total(quantities)))
            self.assertEqual(*states)
            self.assertGreater(states[0][0], 0)

    def test_a_checkpoint_is_taken_for_the_log(self):
        log = pathlib.Path(TABLE, "_delta_log")
        hint = json.loads((log / "_last_checkpoint").read_text(encoding="utf-8"))
        checkpoint = log / f"{hint['version']:020}.checkpoint.parquet"
        self.assertTrue(checkpoint.exists())
        with tempfile.TemporaryDirectory() as folder:
            # Without the entries before it there is nothing but the checkpoint to read them from.
            copy = pathlib.Path(folder, "usage")
            shutil.copytree(TABLE, copy)
            for entry in (copy / "_delta_log").glob("*.json"):
                if int(entry.stem) <= hint["version"]:
                    entry.unlink()
            quantities = DeltaTable(copy).to_pyarrow_table(columns=["quantity"])["quantity"]
            self.assertEqual(total(quantities.to_pylist()), SUM)
            self.assertEqual(polars.read_delta(str(copy))["quantity"].sum(), SUM)

    def test_polars_sums_exactly(self):
        frame = polars.read_delta(TABLE)
        self.assertEqual(frame.height, CASE["records"])
        self.assertEqual(frame["quantity"].dtype, polars.Decimal(38, 20))
        self.assertEqual(frame["quantity"].sum(), SUM)

    def test_duckdb_sums_exactly(self):
        usage = DeltaTable(TABLE).to_pyarrow_dataset()  # DuckDB finds it by its name
        self.assertIsNotNone(usage)
        connection = duckdb.connect()
        count, quantity = connection.execute("SELECT count(*), sum(quantity) FROM usage").fetchone()
        self.assertEqual((count, quantity), (CASE["records"], SUM))

    def test_sums_by_meter_are_those_sent(self):
        table = DeltaTable(TABLE)
        names = [field.name for field in table.schema().fields]
        meter = next(name for name in names if name.startswith("meter") and name.endswith("id"))
        subscription = next(name for name in names if name.startswith("subscription"))
        usage = table.to_pyarrow_dataset()
        self.assertIsNotNone(usage)
        rows = duckdb.execute(
            f"SELECT {meter}, sum(quantity) FROM usage WHERE {subscription} = ? GROUP BY 1",
            [CASE["subscription"]],
        ).fetchall()
        self.assertEqual(dict(rows), {meter: Decimal(sum) for meter, sum in CASE["meters"].items()})

    def test_a_commit_has_one_time_and_times_never_fall(self):
        usage = DeltaTable(TABLE).to_pyarrow_dataset()
        self.assertIsNotNone(usage)
        rows = duckdb.execute(
            "SELECT commit, count(DISTINCT commit_time), epoch_us(min(commit_time)), "
            "count(commit_time), count(*) FROM usage GROUP BY commit ORDER BY commit"
        ).fetchall()
        for commit, distinct, _, timed, count in rows:
            self.assertEqual((distinct, timed), (1, count), commit)
        times = [time for _, _, time, _, _ in rows]
        self.assertEqual(times, sorted(times))


if __name__ == "__main__":
    unittest.main()
