"""What is refused, as the client's own exceptions carry it."""

import unittest
from datetime import datetime, timezone

from azure.core.exceptions import ClientAuthenticationError, HttpResponseError
from azure.core.pipeline.policies import SansIOHTTPPolicy

from case import CASE, TOKENS
from clients import commerce

START = datetime(2026, 3, 1, tzinfo=timezone.utc)
END = datetime(2026, 3, 2, tzinfo=timezone.utc)


def usage(asked, start=START, end=END, **options):
    return list(asked.usage_aggregates.list(start, end, **options))


class Refusals(unittest.TestCase):
    def refused(self, kind, status, code, words, call):
        with self.assertRaises(kind) as caught:
            call()
        self.assertEqual(caught.exception.status_code, status)
        self.assertIn(code, str(caught.exception))
        self.assertIn(words, str(caught.exception))

    def test_without_a_token(self):
        anonymous = commerce(authentication_policy=SansIOHTTPPolicy())
        self.refused(
            ClientAuthenticationError, 401, "AuthenticationFailed",
            "'Authorization' header is missing", lambda: usage(anonymous),
        )

    def test_with_a_forged_token(self):
        self.refused(
            ClientAuthenticationError, 401, "InvalidAuthenticationToken", "token",
            lambda: usage(commerce(TOKENS["forged"])),
        )

    def test_with_what_is_no_token(self):
        self.refused(
            ClientAuthenticationError, 401, "InvalidAuthenticationToken", "token",
            lambda: usage(commerce("no-token")),
        )

    def test_without_the_right_to_usage(self):
        self.refused(
            HttpResponseError, 403, "AuthorizationFailed",
            "Microsoft.Commerce/UsageAggregates/read", lambda: usage(commerce(TOKENS["stranger"])),
        )

    def test_on_a_subscription_that_the_role_does_not_cover(self):
        other = commerce(subscription=CASE["otherSubscription"])
        self.refused(
            HttpResponseError, 403, "AuthorizationFailed", CASE["otherSubscription"],
            lambda: usage(other),
        )

    def test_without_the_right_to_the_rate_card(self):
        self.refused(
            HttpResponseError, 403, "AuthorizationFailed", "Microsoft.Commerce/RateCard/read",
            lambda: commerce(TOKENS["stranger"]).rate_card.get(filter="OfferDurableId eq 'x'"),
        )

    def test_an_end_in_the_future(self):
        end = datetime(2999, 1, 1, tzinfo=timezone.utc)
        self.refused(
            HttpResponseError, 400, "RequestEndTimeIsInFuture", "2999",
            lambda: usage(commerce(), end=end),
        )

    def test_days_off_midnight(self):
        self.refused(
            HttpResponseError, 400, "InvalidProperty", "midnight",
            lambda: usage(commerce(), start=START.replace(hour=1)),
        )

    def test_a_granularity_that_there_is_not(self):
        self.refused(
            HttpResponseError, 400, "InvalidAggregationGranularity", "Weekly",
            lambda: usage(commerce(), aggregation_granularity="Weekly"),
        )

    def test_a_rate_card_filter_without_a_field(self):
        self.refused(
            HttpResponseError, 400, "Invalid query specified", "RegionInfo",
            lambda: commerce().rate_card.get(filter="OfferDurableId eq 'MS-AZR-0062P'"),
        )


if __name__ == "__main__":
    unittest.main()
