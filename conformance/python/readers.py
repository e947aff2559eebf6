"""The ledger's table, read whole by programs that know nothing of the server."""

from datetime import datetime, timedelta, timezone

import duckdb
import polars
import pyarrow
from deltalake import DeltaTable

from load import CASE, ids_and_sums, sums_as_of

TABLE = CASE["table"]
# How an object store is reached.
STORAGE = CASE.get("storage")
# Subscriptions with usage that these tests did not send: it is read, and then left out.
EARLIER = CASE.get("earlier", [])
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
        self.ids, self.sums = ids_and_sums(record for record in records if record[0] not in EARLIER)


def last_commit(pairs):
    """The highest commit and its time, of (commit, time)."""
    return max(pairs, key=lambda pair: pair[0])


def own_sums(rows):
    """A program's own sums, of (subscription, meter, sum)."""
    return {(row[0], row[1]): row[2] for row in rows if row[0] not in EARLIER}


def open_table():
    return DeltaTable(TABLE, storage_options=STORAGE)


def usage_in_duckdb():
    """A connection that has the table by the name usage."""
    connection = duckdb.connect()
    connection.register("usage", open_table().to_pyarrow_dataset())
    return connection


def commit_of_table():
    """The last commit that the table says it has; less than any before there is one."""
    if not DeltaTable.is_deltatable(TABLE, STORAGE):
        return -1
    table = open_table()
    commit = table.transaction_version(table.history(1)[0]["journalId"])
    return -1 if commit is None else commit


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
    table = open_table()
    seen = read_all(table)
    # The table says how far it goes.
    journal = table.history(1)[0]["journalId"]
    assert table.transaction_version(journal) == seen.commit
    return seen


def by_polars():
    frame = polars.read_delta(TABLE, storage_options=STORAGE)
    assert frame.columns[: len(COLUMNS)] == COLUMNS or set(frame.columns) >= set(COLUMNS)
    assert frame["quantity"].dtype == polars.Decimal(38, 20)
    commit, time = last_commit(frame.select("commit", "commit_time").iter_rows())
    seen = Seen(commit, time, frame.select(RECORD).iter_rows())
    # Its own sums are the same.
    sums = frame.group_by("subscription_id", "meter_id").agg(polars.col("quantity").sum())
    assert own_sums(sums.iter_rows()) == seen.sums
    return seen


def by_duckdb():
    connection = usage_in_duckdb()
    ask = lambda query: connection.execute(query).fetchall()
    ((commit, micros, rows),) = ask(
        "SELECT max(commit), epoch_us(arg_max(commit_time, commit)), count(*) FROM usage"
    )
    (counts,) = ask("SELECT count(COLUMNS(*)) FROM usage")  # reads every column
    assert len(counts) >= len(COLUMNS) and max(counts) == rows, counts
    time = datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(microseconds=micros)
    seen = Seen(commit, time, ask(f"SELECT {', '.join(RECORD)} FROM usage"))
    sums = ask("SELECT subscription_id, meter_id, sum(quantity) FROM usage GROUP BY ALL")
    assert own_sums(sums) == seen.sums
    return seen


READERS = [by_deltalake, by_polars, by_duckdb]


def check_read(test, load, client, read, at_least):
    """Compares one read with what was acknowledged and with the server's sums; gives its commit."""
    seen = read()
    test.assertGreaterEqual(seen.commit, at_least, f"{read.__name__} sees less than was seen before")
    load.settle()
    ids, sums = load.up_to(seen.commit)
    test.assertEqual(len(seen.ids), len(ids), read.__name__)
    test.assertTrue(seen.ids == ids, f"{read.__name__}: other events than were acknowledged")
    test.assertEqual(seen.sums, sums, read.__name__)
    own, commit = sums_as_of(client, seen.time)
    test.assertEqual((commit, own), (seen.commit, sums), f"{read.__name__}: the server's own sums")
    return seen.commit


def wait_for_usage(load):
    """Waits until usage of this load is in the table."""

    def is_there():
        first = load.first_commit()
        return first is not None and commit_of_table() >= first

    load.wait_for("usage of the load in the table", is_there)


def check_growth(test, load, client, is_enough):
    """Reads in rounds, each with more in the table, until these are enough, and at last all that was sent
    and sealed; gives how many rounds there were."""
    last, rounds = 0, 0
    while not is_enough(rounds):
        load.wait_for(f"a commit above {last} in the table", lambda: commit_of_table() > last)
        for read in READERS:
            last = check_read(test, load, client, read, at_least=last)
        rounds += 1
    load.stop()
    status, answer = client.ask_patiently("POST", "/tallyhouse/v1/ledger/seal")
    test.assertEqual(status, 204, answer)
    everything = max(record[0] for record in load.records)
    for read in READERS:
        test.assertEqual(check_read(test, load, client, read, at_least=last), everything)
    return rounds
