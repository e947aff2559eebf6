"""The ledger's table, read by other programs while it grows: every read is the ledger as of one
commit, to the last digit."""

import pathlib
import unittest
from datetime import datetime, timedelta, timezone

import duckdb
import polars
import pyarrow
from deltalake import DeltaTable

from load import CASE, Client, Load, ids_and_sums, sums_as_of

TABLE = CASE["table"]
LOG = pathlib.Path(TABLE, "_delta_log")
# Entries of the log until the end: there is a checkpoint after every hundredth.
ENTRIES = 120
ROUNDS = 4
# docs/FORMAT.md, Table; later columns are added at the end.
COLUMNS = """
    subscription_id reported_day reported_time usage_start usage_end meter_id meter_name meter_category
    meter_subcategory meter_region unit quantity resource_uri location tags additional_info part_number
    order_number info_fields instance_hash source event_id commit commit_time unit_block billed_cost
    billing_currency charge_category reverses
""".split()
RECORD = ["subscription_id", "meter_id", "quantity", "event_id"]


class Seen:
    """What one read saw: its highest commit and that one's time, event ids and sums."""

    def __init__(self, commit, time, records):
        self.commit = commit
        self.time = time.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        self.ids, self.sums = ids_and_sums(records)


def last_commit(pairs):
    """The highest commit and its time, of (commit, time)."""
    return max(pairs, key=lambda pair: pair[0])


def read_all(table):
    rows = table.to_pyarrow_table()
    rows.validate(full=True)
    assert [field.name for field in table.schema().fields][: len(COLUMNS)] == COLUMNS
    assert set(rows.schema.names) >= set(COLUMNS)
    assert rows.schema.field("quantity").type == pyarrow.decimal128(38, 20)
    columns = [rows[name].to_pylist() for name in RECORD]
    commit, time = last_commit(zip(rows["commit"].to_pylist(), rows["commit_time"].to_pylist()))
    return Seen(commit, time, zip(*columns))


def by_deltalake():
    table = DeltaTable(TABLE)
    seen = read_all(table)
    # The table says how far it goes.
    journal = table.history(1)[0]["journalId"]
    assert table.transaction_version(journal) == seen.commit
    return seen


def by_polars():
    frame = polars.read_delta(TABLE)
    assert frame.columns[: len(COLUMNS)] == COLUMNS or set(frame.columns) >= set(COLUMNS)
    assert frame["quantity"].dtype == polars.Decimal(38, 20)
    commit, time = last_commit(frame.select("commit", "commit_time").iter_rows())
    seen = Seen(commit, time, frame.select(RECORD).iter_rows())
    # Its own sums are the same.
    sums = frame.group_by("subscription_id", "meter_id").agg(polars.col("quantity").sum())
    assert {(row[0], row[1]): row[2] for row in sums.iter_rows()} == seen.sums
    return seen


def by_duckdb():
    connection = duckdb.connect()
    connection.register("usage", DeltaTable(TABLE).to_pyarrow_dataset())
    ask = lambda query: connection.execute(query).fetchall()
    ((commit, micros, rows),) = ask(
        "SELECT max(commit), epoch_us(arg_max(commit_time, commit)), count(*) FROM usage"
    )
    (counts,) = ask("SELECT count(COLUMNS(*)) FROM usage")  # reads every column
    assert len(counts) >= len(COLUMNS) and max(counts) == rows, counts
    time = datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(microseconds=micros)
    seen = Seen(commit, time, ask(f"SELECT {', '.join(RECORD)} FROM usage"))
    sums = ask("SELECT subscription_id, meter_id, sum(quantity) FROM usage GROUP BY ALL")
    assert {(row[0], row[1]): row[2] for row in sums} == seen.sums
    return seen


READERS = [by_deltalake, by_polars, by_duckdb]


class TableWhileItGrows(unittest.TestCase):
    maxDiff = 2_000

    def test_every_read_is_the_ledger_as_of_the_highest_commit_that_it_saw(self):
        client, last, rounds = Client(), 0, 0
        with Load(seed=20_260_301) as load:
            self.wait_for_first_seal(load)
            old_table = DeltaTable(TABLE)
            old = read_all(old_table)
            while entries() < ENTRIES or rounds < ROUNDS:
                before = last
                for read in READERS:
                    last = self.check(load, client, read, at_least=last)
                self.assertGreater(last, before, "nothing was added between two rounds")
                rounds += 1
            load.stop()
            client.ask("POST", "/tallyhouse/v1/ledger/seal")
            everything = max(record[0] for record in load.records)
            for read in READERS:
                self.assertEqual(self.check(load, client, read, at_least=last), everything)
        # Whoever opened the table before its files were joined still reads it as it was.
        again = read_all(old_table)
        self.assertEqual((again.commit, again.ids, again.sums), (old.commit, old.ids, old.sums))
        operations = [entry["operation"] for entry in DeltaTable(TABLE).history()]
        self.assertIn("OPTIMIZE", operations)
        self.assertTrue(list(LOG.glob("*.checkpoint.parquet")))
        print(f"{rounds} rounds of {len(READERS)} reads, {len(load.records)} events, {entries()} entries")

    def wait_for_first_seal(self, load):
        while not (DeltaTable.is_deltatable(TABLE) and DeltaTable(TABLE).file_uris()):
            load.check()

    def check(self, load, client, read, at_least):
        """Compares one read with what was acknowledged and with the server's sums; gives its commit."""
        seen = read()
        self.assertGreaterEqual(seen.commit, at_least, f"{read.__name__} sees less than was seen before")
        load.settle()
        ids, sums = load.up_to(seen.commit)
        self.assertEqual(len(seen.ids), len(ids), read.__name__)
        self.assertTrue(seen.ids == ids, f"{read.__name__}: other events than were acknowledged")
        self.assertEqual(seen.sums, sums, read.__name__)
        own, commit = sums_as_of(client, seen.time)
        self.assertEqual((commit, own), (seen.commit, sums), f"{read.__name__}: the server's own sums")
        return seen.commit


def entries():
    """How many entries the log has had."""
    return max(int(entry.stem) for entry in LOG.glob("*.json")) + 1


if __name__ == "__main__":
    unittest.main()
