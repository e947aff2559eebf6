"""Billing periods and invoices through the client that Microsoft made for them (azure-mgmt-billing)."""

import unittest
from datetime import date, datetime, timedelta, timezone

from azure.mgmt.billing import BillingManagementClient
from azure.mgmt.billing.models import ErrorResponseException
from msrest.authentication import BasicTokenAuthentication

from case import CASE, TOKENS, URL


def client(token=TOKENS["reader"]):
    asked = BillingManagementClient(
        BasicTokenAuthentication({"access_token": token}), CASE["subscription"], base_url=URL
    )
    asked.config.connection.verify = CASE["authority"]
    return asked


def days(period):
    return period.billing_period_start_date, period.billing_period_end_date


class Billing(unittest.TestCase):
    def refused(self, status, code, call):
        with self.assertRaises(ErrorResponseException) as caught:
            call()
        self.assertEqual(caught.exception.response.status_code, status)
        self.assertIn(code, str(caught.exception))

    def test_billing_periods_follow_each_other_from_the_first_usage_to_today(self):
        periods = list(client().billing_periods.list())
        for later, earlier in zip(periods, periods[1:]):
            self.assertEqual(days(later)[0], days(earlier)[1] + timedelta(days=1))
        self.assertLessEqual(days(periods[0])[0], datetime.now(timezone.utc).date())
        used = min(row[1] for query in CASE["queries"] for row in query["rows"])
        first = date.fromisoformat(used[:10])
        self.assertLessEqual(days(periods[-1])[0], first)

    def test_the_latest_and_those_that_a_filter_selects(self):
        periods = list(client().billing_periods.list())
        latest = list(client().billing_periods.list(top=2))
        self.assertEqual([period.name for period in latest], [one.name for one in periods[:2]])
        end = days(periods[1])[1]
        before = client().billing_periods.list(filter=f"billingPeriodEndDate lt {end}")
        self.assertEqual([period.name for period in before], [one.name for one in periods[2:]])

    def test_a_billing_period_by_its_name(self):
        period = next(iter(client().billing_periods.list()))
        self.assertEqual(days(client().billing_periods.get(period.name)), days(period))
        self.refused(404, "NotFound", lambda: client().billing_periods.get("202601-9"))

    def test_invoices_that_others_may_not_download(self):
        self.refused(403, "Forbidden", lambda: list(client().invoices.list()))
        self.refused(403, "Forbidden", lambda: client().invoices.get_latest())

    def test_without_the_right(self):
        stranger = client(TOKENS["stranger"])
        self.refused(403, "AuthorizationFailed", lambda: list(stranger.billing_periods.list()))


if __name__ == "__main__":
    unittest.main()
