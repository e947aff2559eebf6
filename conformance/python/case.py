"""The case that `cargo xtask conformance` made: what the server was sent, and how to reach it."""

import json
import os
from fractions import Fraction

with open(os.environ["TALLYHOUSE_CASE"], encoding="utf-8") as file:
    CASE = json.load(file)

URL = CASE["url"]
TOKENS = CASE["tokens"]
SCOPE = f"/subscriptions/{CASE['subscription']}"


def expected_rows(query):
    """The rows of a query by what names them: their bucket, usage window, meter and instance."""
    return {tuple(row[:5]): row[5] for row in query["rows"]}


def instance_key(instance_data, info_fields):
    """What the case knows an instance by: its resource, its legacy project, or nothing."""
    if instance_data:
        return json.loads(instance_data)["Microsoft.Resources"]["resourceUri"]
    return (info_fields or {}).get("project", "")


def expected_charges():
    """What all usage of each meter costs by the card; None for the meter that it does not have."""
    with open(CASE["card"], encoding="utf-8-sig") as file:
        card = json.load(file, parse_float=Fraction, parse_int=Fraction)
    meters = {meter["MeterId"]: meter for meter in card["Meters"]}
    charges = {}
    for meter, quantity in CASE["meters"].items():
        priced = meters.get(meter)
        if priced:  # the case's meters have one price for all units, so months do not matter
            assert (list(priced["MeterRates"]), priced["IncludedQuantity"]) == (["0"], 0), meter
        charges[meter] = Fraction(quantity) * priced["MeterRates"]["0"] if priced else None
    return charges
