#!/usr/bin/env bash
# Lists billing periods and invoices, with curl and jq.
#
# Usage: TOKEN=… bash invoices.sh https://127.0.0.1:8443 ca.pem SUBSCRIPTION_ID
set -euo pipefail
server=$1 authority=$2 subscription=$3
billing="$server/subscriptions/$subscription/providers/Microsoft.Billing"

# Every item of every page, one a line.
list() {
    local link=$1 page
    while [ -n "$link" ]; do
        page=$(curl -sS --fail-with-body --cacert "$authority" \
            -H "Authorization: Bearer $TOKEN" "$link") || return
        jq -c '.value[]' <<< "$page"
        link=$(jq -r '.nextLink // empty' <<< "$page")
    done
}

periods=$(list "$billing/billingPeriods?api-version=2018-03-01-preview")
jq -rs '"billing periods: \(length)", (.[] | .name + ": "
    + .properties.billingPeriodStartDate + " to " + .properties.billingPeriodEndDate)' <<< "$periods"
invoices=$(list "$billing/invoices?api-version=2018-03-01-preview&\$expand=downloadUrl")
jq -rs 'if length == 0 then "no invoice yet" else (.[] | "invoice " + .name + ": "
    + .properties.invoicePeriodStartDate + " to " + .properties.invoicePeriodEndDate
    + ", " + .properties.downloadUrl.url) end' <<< "$invoices"
