"""The ledger's table after an erasure: other programs read it as they did, to the last digit, and find
no names."""

import json
import pathlib
import random
import subprocess
import unittest

import polars
import pyarrow.parquet
from deltalake import DeltaTable

from load import CASE, EVENTS, Client, event, ids_and_sums, sums_as_of
from readers import COLUMNS, READERS, TABLE, usage_in_duckdb

ERASED = CASE["subscriptions"][0]
# In every name that is sent, and in nothing else.
NAME = "zoe-example"
NAMING = ["resource_uri", "tags", "additional_info", "info_fields"]
PSEUDONYM = "erased-[0-9a-f]{32}"
PARTS, EVENTS_A_PART = 4, 150


def named_event(name, chance):
    """An event whose instance has names wherever there may be some."""
    record, text = event(name, chance)
    body = json.loads(text)
    data = body["data"]
    group = f"/subscriptions/{data['subscriptionId']}/resourceGroups/{NAME}-group"
    machine = f"{NAME}-{chance.randrange(20)}"
    data["resourceUri"] = f"{group}/providers/Microsoft.Compute/virtualMachines/{machine}"
    data["tags"] = {"owner": NAME}
    data["additionalInfo"] = {"owner": NAME}
    data["infoFields"] = {"project": NAME}
    return record, json.dumps(body)


def rows_by_deltalake():
    return DeltaTable(TABLE).to_pyarrow_table().to_pylist()


def rows_by_polars():
    return polars.read_delta(TABLE).to_dicts()


def rows_by_duckdb():
    # Of times it makes Python's only with another package.
    times = "reported_time, usage_start, usage_end, commit_time"
    answer = usage_in_duckdb().execute(f"SELECT * EXCLUDE ({times}) FROM usage")
    columns = [column[0] for column in answer.description]
    return [dict(zip(columns, row)) for row in answer.fetchall()]


ROWS = [rows_by_deltalake, rows_by_polars, rows_by_duckdb]


def sums_of(rows):
    columns = ["subscription_id", "meter_id", "quantity", "event_id"]
    return ids_and_sums([row[column] for column in columns] for row in rows)


def erase():
    """Erases by the command line; what it says of it."""
    program = [CASE["program"], "--data", CASE["data"]]
    command = [*program, "usage", "erase", "--subscription", ERASED, "--yes"]
    return json.loads(subprocess.run(command, check=True, capture_output=True).stdout)


class ErasedTable(unittest.TestCase):
    maxDiff = 2_000

    @classmethod
    def setUpClass(cls):
        cls.client, cls.records, cls.commits = Client(), [], []
        chance = random.Random(20_261_128)
        for part in range(PARTS):
            events = [named_event(f"{part}-{place}", chance) for place in range(EVENTS_A_PART)]
            body = f"[{','.join(text for _, text in events)}]"
            form = "application/cloudevents-batch+json"
            status, answer = cls.client.ask("POST", EVENTS, body, form)
            assert (status, answer["accepted"]) == (200, EVENTS_A_PART), answer
            cls.records += [record for record, _ in events]
            cls.commits.append(answer["commit"])
            assert cls.client.ask("POST", "/tallyhouse/v1/ledger/seal")[0] == 204
        assert cls.client.ask("POST", "/tallyhouse/v1/ledger/compact")[0] == 204
        cls.nature = cls.nature_of_table()
        cls.before = [(read(), rows()) for read, rows in zip(READERS, ROWS)]
        cls.said = erase()
        cls.after = [(read(), rows()) for read, rows in zip(READERS, ROWS)]

    @staticmethod
    def nature_of_table():
        """Protocol, what the configuration says of changes and format, and the columns."""
        table = DeltaTable(TABLE)
        protocol, configuration = table.protocol(), table.metadata().configuration
        return (
            (protocol.min_reader_version, protocol.min_writer_version),
            (configuration["delta.appendOnly"], configuration["tallyhouse.format"]),
            [field.name for field in table.schema().fields],
        )

    def test_every_sum_is_as_before_and_the_servers(self):
        ids, sums = ids_and_sums(self.records)
        for seen, rows in self.before + self.after:
            self.assertEqual(seen.commit, self.commits[-1])
            self.assertTrue(seen.ids == ids, "other events than were sent")
            self.assertEqual(seen.sums, sums)
            self.assertEqual(sums_of(rows), (ids, sums))
        seen, _ = self.after[0]
        self.assertEqual(sums_as_of(self.client, seen.time), (sums, seen.commit))

    def test_an_earlier_commit_has_the_sums_that_it_had(self):
        for part, commit in enumerate(self.commits):
            expected = ids_and_sums(self.records[: (part + 1) * EVENTS_A_PART])
            for _, rows in self.before + self.after:
                self.assertEqual(sums_of(row for row in rows if row["commit"] <= commit), expected)
            _, rows = self.after[0]
            (time,) = {row["commit_time"] for row in rows if row["commit"] == commit}
            time = time.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
            self.assertEqual(sums_as_of(self.client, time), (expected[1], commit))

    def test_no_reader_finds_a_name(self):
        uri = (
            f"^/subscriptions/{ERASED}/resourceGroups/{PSEUDONYM}"
            f"/providers/Microsoft.Compute/virtualMachines/{PSEUDONYM}$"
        )
        for (_, before), (_, after) in zip(self.before, self.after):
            for row in before:
                self.assertTrue(all(NAME in row[column] for column in NAMING), row)
            erased = [row for row in after if row["subscription_id"] == ERASED]
            self.assertGreater(len(erased), EVENTS_A_PART)
            for row in erased:
                self.assertNotIn(NAME, repr(row))
                self.assertEqual([row[column] for column in NAMING[1:]], [None] * 3)
                self.assertRegex(row["resource_uri"], uri)
            # Resources stay apart, and rows of other subscriptions as they were.
            uris = lambda rows: len({row["resource_uri"] for row in rows})
            was = [row for row in before if row["subscription_id"] == ERASED]
            self.assertEqual((uris(erased), len(erased)), (uris(was), len(was)))
            for row in after:
                if row["subscription_id"] != ERASED:
                    self.assertTrue(all(NAME in row[column] for column in NAMING), row)

    def test_no_file_of_the_table_has_a_name(self):
        files = list(pathlib.Path(TABLE, "data").glob("*/*.parquet"))
        self.assertTrue(files)
        for file in files:
            columns = pyarrow.parquet.ParquetFile(file).read(["subscription_id", *NAMING])
            for row in columns.to_pylist():
                if row["subscription_id"] == ERASED:
                    self.assertNotIn(NAME, repr(row), file)

    def test_the_hash_of_the_content_is_in_a_column_of_its_own_which_erased_rows_alone_have(self):
        for _, rows in self.after:
            for row in rows:
                if row["subscription_id"] == ERASED:
                    self.assertEqual(len(row["content_hash"]), 16, row)
                else:
                    self.assertIsNone(row["content_hash"], row)
        column = DeltaTable(TABLE).schema().fields[-1]
        self.assertEqual((column.name, column.type.type, column.nullable), ("content_hash", "binary", True))

    def test_the_table_says_that_its_rows_change(self):
        self.assertEqual(self.nature, ((1, 2), ("true", "1"), COLUMNS))
        after = ((1, 2), ("false", "2"), [*COLUMNS, "content_hash"])
        self.assertEqual(self.nature_of_table(), after)

    def test_the_command_line_says_how_many_rows_were_erased(self):
        count = sum(record[0] == ERASED for record in self.records)
        self.assertEqual((self.said["state"], self.said["rows"]), ("done", count))


if __name__ == "__main__":
    unittest.main()
