"""The ledger's table in an object store, read by other programs while it grows there: every read is the
ledger as of one commit, to the last digit."""

import unittest

from load import Client, Load
from readers import READERS, check_growth, wait_for_usage

ROUNDS = 3


class ObjectsWhileTheyGrow(unittest.TestCase):
    maxDiff = 2_000

    def test_every_read_is_the_ledger_as_of_the_highest_commit_that_it_saw(self):
        with Load(seed=20_260_302) as load:
            wait_for_usage(load)
            rounds = check_growth(self, load, Client(), lambda rounds: rounds >= ROUNDS)
        print(f"{rounds} rounds of {len(READERS)} reads, {len(load.records)} events")


if __name__ == "__main__":
    unittest.main()
