"""The ledger's table, read whole by programs that know nothing of the server."""

from datetime import datetime, timedelta, timezone

import duckdb
import polars
import pyarrow
from deltalake import DeltaTable

from load import CASE, ids_and_sums

TABLE = CASE["table"]
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
