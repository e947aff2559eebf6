"""Usage: PyPI `azure-mgmt-commerce`, and the raw pages, against what was sent."""

import json
import unittest
from datetime import datetime
from decimal import Decimal

import requests

from case import CASE, TOKENS, URL, expected_rows, instance_key
from clients import commerce

PAGE_LIMIT = 1000


def raw_pages(query):
    """The bodies of all pages, with decimals read exactly."""
    url = f"{URL}/subscriptions/{CASE['subscription']}/providers/Microsoft.Commerce/UsageAggregates"
    parameters = {
        "api-version": "2015-06-01-preview",
        "reportedStartTime": query["start"],
        "reportedEndTime": query["end"],
        "aggregationGranularity": query["granularity"],
        "showDetails": str(query["details"]).lower(),
    }
    headers = {"Authorization": f"Bearer {TOKENS['reader']}"}
    with requests.Session() as session:
        while url:
            answer = session.get(url, params=parameters, headers=headers, verify=CASE["authority"])
            answer.raise_for_status()
            page = json.loads(answer.text, parse_float=Decimal, parse_int=Decimal)
            yield page
            url, parameters = page.get("nextLink"), None


class Usage(unittest.TestCase):
    maxDiff = 2000

    def test_the_client_gets_every_row_once_with_its_quantity(self):
        for query in CASE["queries"]:
            with self.subTest(query["name"]):
                got = {}
                for row in commerce().usage_aggregates.list(
                    datetime.fromisoformat(query["start"]),
                    datetime.fromisoformat(query["end"]),
                    show_details=query["details"],
                    aggregation_granularity=query["granularity"],
                ):
                    key = (
                        row.name,
                        row.usage_start_time.isoformat(),
                        row.usage_end_time.isoformat(),
                        row.meter_id,
                        instance_key(row.instance_data, row.info_fields),
                    )
                    self.assertNotIn(key, got, "a row came twice")
                    self.assertEqual(row.subscription_id, CASE["subscription"])
                    got[key] = row.quantity
                # A quantity is a double in this client: that of the decimal that was sent.
                sent = {key: float(text) for key, text in expected_rows(query).items()}
                self.assertEqual(len(got), len(sent))
                self.assertEqual(got, sent)

    def test_the_client_pages_as_the_server_says(self):
        for query in CASE["queries"]:
            with self.subTest(query["name"]):
                pages = commerce().usage_aggregates.list(
                    datetime.fromisoformat(query["start"]),
                    datetime.fromisoformat(query["end"]),
                    show_details=query["details"],
                    aggregation_granularity=query["granularity"],
                ).by_page()
                sizes = [len(list(page)) for page in pages]
                self.assertTrue(all(size == PAGE_LIMIT for size in sizes[:-1]), sizes)
                self.assertLessEqual(sizes[-1], PAGE_LIMIT)
                if query["pages"]:
                    self.assertGreaterEqual(len(sizes), query["pages"])

    def test_a_page_can_be_asked_for_by_its_token_alone(self):
        query = next(query for query in CASE["queries"] if query["pages"])
        first = next(raw_pages(query))
        token = requests.utils.unquote(first["nextLink"].split("continuationToken=")[1])
        rest = commerce().usage_aggregates.list(
            datetime.fromisoformat(query["start"]),
            datetime.fromisoformat(query["end"]),
            show_details=query["details"],
            aggregation_granularity=query["granularity"],
            continuation_token_parameter=token,
        )
        self.assertEqual(len(list(rest)), len(query["rows"]) - len(first["value"]))

    def test_the_decimals_of_the_raw_pages_are_those_sent(self):
        for query in CASE["queries"]:
            with self.subTest(query["name"]):
                got, order = {}, []
                for page in raw_pages(query):
                    self.assertLessEqual(len(page["value"]), PAGE_LIMIT)
                    for row in page["value"]:
                        properties = row["properties"]
                        self.assertEqual(row["type"], "Microsoft.Commerce/UsageAggregate")
                        self.assertTrue(row["id"].endswith("/UsageAggregates/" + row["name"]))
                        window = (properties["usageStartTime"], properties["usageEndTime"])
                        instance = ""
                        if query["details"]:
                            instance = instance_key(properties.get("instanceData"), properties["infoFields"])
                        else:
                            self.assertNotIn("instanceData", properties)
                        key = (row["name"], *window, properties["meterId"], instance)
                        self.assertNotIn(key, got, "a row came twice")
                        got[key] = properties["quantity"]
                        order.append((row["name"], window[0]))
                sent = {key: Decimal(text) for key, text in expected_rows(query).items()}
                self.assertEqual(got, sent)
                self.assertEqual(order, sorted(order), "rows come by reported bucket, then usage start")

    def test_instance_data_comes_back_as_it_was_sent(self):
        query = next(query for query in CASE["queries"] if query["name"] == "one hour")
        (page,) = raw_pages(query)
        seen = 0
        for row in page["value"]:
            if "instanceData" not in row["properties"]:
                continue
            resources = json.loads(row["properties"]["instanceData"])["Microsoft.Resources"]
            number = int(resources["resourceUri"].rsplit("vm-")[1])
            tags = {"Department": "Sales", 'name "quoted"': "Zoë \\ 東京", "env": f"e{number % 5}"}
            self.assertEqual(resources.get("tags") or {}, tags if number % 3 == 0 else {})
            self.assertEqual(resources["location"], "eastus")
            seen += 1
        self.assertGreater(seen, 0)


if __name__ == "__main__":
    unittest.main()
