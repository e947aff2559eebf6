#!/usr/bin/env bash
# Reads a rate card, with curl and jq.
#
# Usage: TOKEN=… bash ratecard.sh https://127.0.0.1:8443 ca.pem SUBSCRIPTION_ID
set -euo pipefail
server=$1 authority=$2 subscription=$3
filter="OfferDurableId eq 'MS-AZR-0062P' and Currency eq 'USD' and Locale eq 'en-US' and RegionInfo eq 'US'"
meter=9995d93a-7d35-4d3f-9c69-7a7fea447ef4

curl -sS --fail-with-body --compressed --cacert "$authority" -H "Authorization: Bearer $TOKEN" \
    --get --data-urlencode "\$filter=$filter" --data 'api-version=2015-06-01-preview' \
    "$server/subscriptions/$subscription/providers/Microsoft.Commerce/RateCard" |
    jq -r --arg meter "$meter" '
        "\(.Meters | length) meters in \(.Currency)",
        (.Meters[] | select(.MeterId == $meter)
            | "\(.MeterName), \(.MeterRegion), by \(.Unit):",
              (.MeterRates | to_entries | sort_by(.key | tonumber)[] | "from \(.key): \(.value)"))' |
    while IFS= read -r line; do
        case $line in
            "from "*) printf '%s: %.3f\n' "${line%: *}" "${line##*: }" ;;
            *) echo "$line" ;;
        esac
    done
