#!/usr/bin/env bash
# Sums a week's usage by unit, with curl, jq and GNU date.
#
# Usage: TOKEN=… bash usage.sh https://127.0.0.1:8443 ca.pem SUBSCRIPTION_ID
set -euo pipefail
server=$1 authority=$2 subscription=$3
start=$(date -u -d '7 days ago' +%F)
end=$(date -u +%F)

link="$server/subscriptions/$subscription/providers/Microsoft.Commerce/UsageAggregates"
link="$link?api-version=2015-06-01-preview&reportedStartTime=$start&reportedEndTime=$end"
link="$link&aggregationGranularity=Hourly"
rows=$(mktemp)
trap 'rm -f "$rows"' EXIT
while [ -n "$link" ]; do
    page=$(curl -sS --fail-with-body --cacert "$authority" -H "Authorization: Bearer $TOKEN" "$link")
    printf '%s' "$page" | jq -c '.value[].properties | [.unit, .quantity]' >> "$rows"
    link=$(printf '%s' "$page" | jq -r '.nextLink // empty')
done

echo "$(wc -l < "$rows") usage aggregates reported from $start to $end"
jq -sr 'group_by(.[0])[] | "\(map(.[1]) | add) \(.[0][0])"' "$rows" |
    while read -r sum unit; do printf '%.3f %s\n' "$sum" "$unit"; done
