"""The rate card: PyPI `azure-mgmt-commerce`, and the raw answer, against the imported document."""

import json
import unittest
from datetime import datetime, timezone
from decimal import Decimal

import requests

from case import CASE, TOKENS, URL
from clients import commerce

FILTER = (
    f"OfferDurableId eq '{CASE['offer']}' and Currency eq 'USD'"
    " and Locale eq 'en-US' and RegionInfo eq 'US'"
)


def imported(parse_float):
    with open(CASE["card"], encoding="utf-8-sig") as file:
        return json.load(file, parse_float=parse_float)


def moment(text):
    time = datetime.fromisoformat(text)
    return time if time.tzinfo else time.replace(tzinfo=timezone.utc)


class RateCard(unittest.TestCase):
    def test_the_client_gets_every_meter_with_its_rates(self):
        card = commerce().rate_card.get(filter=FILTER)
        document = imported(float)
        self.assertEqual((card.currency, card.locale), ("USD", "en-US"))
        self.assertIs(card.is_tax_included, False)
        self.assertEqual(len(card.meters), 3817)
        sent = {meter["MeterId"]: meter for meter in document["Meters"]}
        self.assertEqual({meter.meter_id for meter in card.meters}, sent.keys())
        for meter in card.meters:
            original = sent[meter.meter_id]
            rates = {float(bound): rate for bound, rate in meter.meter_rates.items()}
            self.assertEqual(rates, {float(b): r for b, r in original["MeterRates"].items()})
            self.assertEqual(meter.included_quantity, original["IncludedQuantity"])
            self.assertEqual(meter.effective_date, moment(original["EffectiveDate"]))
            for attribute, name in [
                ("meter_name", "MeterName"), ("meter_category", "MeterCategory"), ("unit", "Unit"),
                ("meter_sub_category", "MeterSubCategory"), ("meter_region", "MeterRegion"),
                ("meter_tags", "MeterTags"),
            ]:
                self.assertEqual(getattr(meter, attribute), original[name], meter.meter_id)

    def test_the_client_gets_the_offer_terms(self):
        (term,) = commerce().rate_card.get(filter=FILTER).offer_terms
        (original,) = imported(float)["OfferTerms"]
        self.assertEqual(type(term).__name__, "MonetaryCredit")
        self.assertEqual(term.credit, original["Credit"])
        self.assertEqual(sorted(term.excluded_meter_ids), sorted(original["ExcludedMeterIds"]))

    def test_the_decimals_of_the_raw_answer_are_those_imported(self):
        answer = requests.get(
            f"{URL}/subscriptions/{CASE['subscription']}/providers/Microsoft.Commerce/RateCard",
            params={"api-version": "2015-06-01-preview", "$filter": FILTER},
            headers={"Authorization": f"Bearer {TOKENS['reader']}"},
            verify=CASE["authority"],
        )
        answer.raise_for_status()
        def rates(card):
            return {
                meter["MeterId"]: {Decimal(b): Decimal(r) for b, r in meter["MeterRates"].items()}
                for meter in card["Meters"]
            }
        got = rates(json.loads(answer.text, parse_float=Decimal))
        self.assertEqual(got, rates(imported(Decimal)))

    def test_an_unchanged_card_is_not_sent_again(self):
        url = f"{URL}/subscriptions/{CASE['subscription']}/providers/Microsoft.Commerce/RateCard"
        options = {
            "params": {"api-version": "2016-08-31-preview", "$filter": FILTER},
            "verify": CASE["authority"],
        }
        headers = {"Authorization": f"Bearer {TOKENS['reader']}"}
        first = requests.get(url, headers=headers, **options)
        self.assertEqual(first.headers["Content-Encoding"], "gzip")
        headers["If-None-Match"] = first.headers["ETag"]
        again = requests.get(url, headers=headers, **options)
        self.assertEqual((again.status_code, again.content), (304, b""))


if __name__ == "__main__":
    unittest.main()
