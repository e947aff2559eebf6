"""The ledger's table, read by other programs while it grows: every read is the ledger as of one
commit, to the last digit."""

import pathlib
import unittest

from deltalake import DeltaTable

from load import Client, Load
from readers import READERS, TABLE, check_growth, read_all, wait_for_usage

LOG = pathlib.Path(TABLE, "_delta_log")
# Entries of the log until the end: there is a checkpoint after every hundredth.
ENTRIES = 120
ROUNDS = 4


class TableWhileItGrows(unittest.TestCase):
    maxDiff = 2_000

    def test_every_read_is_the_ledger_as_of_the_highest_commit_that_it_saw(self):
        with Load(seed=20_260_301) as load:
            wait_for_usage(load)
            old_table = DeltaTable(TABLE)
            old = read_all(old_table)
            # Every round has an entry more at least, so it ends.
            is_enough = lambda rounds: rounds >= ROUNDS and entries() >= ENTRIES
            rounds = check_growth(self, load, Client(), is_enough)
        # Whoever opened the table before its files were joined still reads it as it was.
        again = read_all(old_table)
        self.assertEqual((again.commit, again.ids, again.sums), (old.commit, old.ids, old.sums))
        operations = [entry["operation"] for entry in DeltaTable(TABLE).history()]
        self.assertIn("OPTIMIZE", operations)
        self.assertTrue(list(LOG.glob("*.checkpoint.parquet")))
        print(f"{rounds} rounds of {len(READERS)} reads, {len(load.records)} events, {entries()} entries")


def entries():
    """How many entries the log has had."""
    return max(int(entry.stem) for entry in LOG.glob("*.json")) + 1


if __name__ == "__main__":
    unittest.main()
