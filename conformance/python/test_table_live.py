"""The ledger's table, read by other programs while it grows: every read is the ledger as of one
commit, to the last digit."""

import pathlib
import unittest

from deltalake import DeltaTable

from load import Client, Load, sums_as_of
from readers import READERS, TABLE, read_all

LOG = pathlib.Path(TABLE, "_delta_log")
# Entries of the log until the end: there is a checkpoint after every hundredth.
ENTRIES = 120
ROUNDS = 4


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
