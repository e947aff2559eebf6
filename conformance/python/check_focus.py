"""Checks exports with focus-validator's own rules of FOCUS 1.2, and that every number is exact.

    python check_focus.py FILE...          (.csv or .parquet; the files of one bill)

Each file is validated twice: as the validator does by itself, and with the rules for every kind of
provider ("ALL"). The validator ends with 0 whatever it found, so its report is read. Rules that no
file can satisfy are waived, by name; docs/focus.md says why for each.
"""

import csv
import json
import re
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree
from collections import defaultdict
from decimal import Context, Decimal
from pathlib import Path

import duckdb
import focus_validator
import mend_focus_validator
import pyarrow.parquet

PACKAGE = Path(focus_validator.__file__).parent
RULES = 578
# One says that InvoiceId must be null, the other that it must not; both are always asked.
ALWAYS_WAIVED = {"InvoiceId-C-004-C", "InvoiceId-C-005-C"}
# Their conditions are lost or turned round, so that they contradict the rule C-003-C beside them.
WAIVED_OF_ALL = {"CapacityReservationStatus-C-004-C", "CommitmentDiscountStatus-C-004-C"}
MODES = {
    "default": ([], ALWAYS_WAIVED),
    "ALL": (["--applicability-criteria", "ALL"], ALWAYS_WAIVED | WAIVED_OF_ALL),
}

EXACT = Context(prec=200)
COSTS = ("BilledCost", "ListCost", "ContractedCost", "EffectiveCost")
PRODUCTS = (("ListCost", "ListUnitPrice"), ("ContractedCost", "ContractedUnitPrice"))


def validate(file, arguments):
    """What the validator says of each rule: passed, skipped, or the message of its failure."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report.xml")
        command = [sys.executable, "-m", "focus_validator.main", "--block-download"]
        command += ["--validate-version", "1.2.0.1", "--data-file", str(file)]
        command += ["--output-type", "unittest", "--output-destination", str(report)]
        # It opens a list of currencies by a path relative to where packages are installed.
        command += arguments
        said = subprocess.run(command, cwd=PACKAGE.parent, capture_output=True, text=True)
        if not report.exists():
            raise AssertionError(f"the validator did not finish:\n{said.stderr[-2000:]}")
        cases = xml.etree.ElementTree.parse(report).iter("testcase")
        return {case.get("name").split(" :: ")[0]: outcome(case) for case in cases}


def outcome(case):
    for kind in ("failure", "error"):
        found = case.find(kind)
        if found is not None:
            return found.get("message") or kind
    return "skipped" if case.find("skipped") is not None else "passed"


def children(requirement):
    """The rules that a rule is made of, as the validator's model says."""
    if isinstance(requirement, list):
        return [rule for part in requirement for rule in children(part)]
    if isinstance(requirement, dict):
        if "ModelRuleId" in requirement:
            return [requirement["ModelRuleId"]]
        return children(list(requirement.values()))
    return []


def without_waived(failed, waived):
    """The failed rules but for those waived and those that fail for nothing but them."""
    with open(PACKAGE / "rules/model-1.2.0.1.json", encoding="utf-8") as file:
        model = json.load(file)["ModelRules"]

    def is_waived(rule):
        requirement = model[rule]["ValidationCriteria"]["Requirement"]
        parts = [part for part in children(requirement) if part in failed]
        return rule in waived or (parts != [] and all(map(is_waived, parts)))

    return {rule: how for rule, how in failed.items() if not is_waived(rule)}


def rows(file):
    """The rows as dictionaries of texts, decimals, times and None."""
    if file.suffix == ".parquet":
        return pyarrow.parquet.read_table(file).to_pylist()
    with open(file, encoding="utf-8", newline="") as opened:
        return [{name: text or None for name, text in row.items()} for row in csv.DictReader(opened)]


def number(value):
    """An exact number; CSV has it as a text, which must be plain."""
    if isinstance(value, str) and not re.fullmatch(r"-?[0-9]+\.[0-9]+", value):
        raise AssertionError(f"{value} is not a plain decimal")
    return None if value is None else Decimal(value)


def sums(file):
    """The sum of each cost by charge category."""
    found = defaultdict(Decimal)
    for row in rows(file):
        for cost in COSTS:
            key = row["ChargeCategory"], cost
            found[key] = EXACT.add(found[key], number(row[cost]))
    return dict(found)


class Focus(unittest.TestCase):
    FILES = []

    def test_no_rule_fails_but_for_those_that_nothing_satisfies(self):
        for file in self.FILES:
            for mode, (arguments, waived) in MODES.items():
                with self.subTest(file=file.name, mode=mode):
                    outcomes = validate(file, arguments)
                    self.assertEqual(len(outcomes), RULES)
                    counts = [list(outcomes.values()).count(kind) for kind in ("passed", "skipped")]
                    fine = {"passed", "skipped"}
                    failed = {rule: how for rule, how in outcomes.items() if how not in fine}
                    left = without_waived(failed, waived)
                    print(
                        f"{file.name}, {mode}: {len(outcomes)} rules, {counts[0]} passed, "
                        f"{len(failed) - len(left)} waived, {len(left)} failed, "
                        f"{counts[1]} skipped"
                    )
                    self.assertEqual(left, {})

    def test_costs_are_prices_times_quantities_to_the_last_digit(self):
        for file in self.FILES:
            for position, row in enumerate(rows(file)):
                quantity = number(row["PricingQuantity"])
                for cost, price in PRODUCTS:
                    with self.subTest(file=file.name, row=position, cost=cost):
                        price = number(row[price])
                        self.assertEqual(price is None, quantity is None)
                        if price is not None:
                            self.assertEqual(number(row[cost]), EXACT.multiply(price, quantity))

    def test_charges_lie_within_their_billing_period(self):
        for file in self.FILES:
            for position, row in enumerate(rows(file)):
                with self.subTest(file=file.name, row=position):
                    self.assertLess(row["ChargePeriodStart"], row["ChargePeriodEnd"])
                    if row["ChargeClass"] is None:
                        self.assertLessEqual(row["BillingPeriodStart"], row["ChargePeriodStart"])
                        self.assertLessEqual(row["ChargePeriodEnd"], row["BillingPeriodEnd"])

    def test_what_draws_from_a_commitment_adds_up_to_it(self):
        for file in self.FILES:
            bought, drawn = defaultdict(Decimal), defaultdict(Decimal)
            for row in rows(file):
                commitment = row["CommitmentDiscountId"]
                if commitment and row["ChargeCategory"] == "Purchase":
                    bought[commitment] = EXACT.add(bought[commitment], number(row["BilledCost"]))
                elif commitment:
                    drawn[commitment] = EXACT.add(drawn[commitment], number(row["EffectiveCost"]))
            with self.subTest(file=file.name):
                self.assertEqual(bought, drawn)

    def test_duckdb_sums_parquet_exactly(self):
        for file in self.FILES:
            if file.suffix == ".parquet":
                columns = ", ".join(f"sum({cost})" for cost in COSTS)
                query = f"SELECT ChargeCategory, {columns} FROM read_parquet(?) GROUP BY 1"
                found = duckdb.execute(query, [str(file)]).fetchall()
                by_cost = {(row[0], cost): sum for row in found for cost, sum in zip(COSTS, row[1:])}
                with self.subTest(file=file.name):
                    self.assertEqual(by_cost, sums(file))

    def test_every_file_has_the_same_sums(self):
        first, *others = self.FILES
        expected = sums(first)
        for file in others:
            with self.subTest(file=file.name):
                self.assertEqual(sums(file), expected)


def main():
    mend_focus_validator.main()
    Focus.FILES = [Path(name).resolve(strict=True) for name in sys.argv[1:]]
    if not Focus.FILES:
        sys.exit("name the files to check")
    suite = unittest.defaultTestLoader.loadTestsFromTestCase(Focus)
    result = unittest.TextTestRunner(verbosity=2, stream=sys.stdout).run(suite)
    failed = {test.id().split(" (")[0] for test, _ in result.failures + result.errors}
    print(f"{result.testsRun - len(failed)} passed, {len(failed)} failed")
    sys.exit(0 if result.wasSuccessful() else 1)


if __name__ == "__main__":
    main()
