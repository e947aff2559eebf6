// Reads a rate card, with Go's standard library alone.
//
// Usage: TOKEN=… SSL_CERT_FILE=ca.pem go run ratecard.go https://127.0.0.1:8443 SUBSCRIPTION_ID
package main

import (
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"net/url"
	"os"
	"sort"
	"strconv"
)

const (
	filter = "OfferDurableId eq 'MS-AZR-0062P' and Currency eq 'USD' and Locale eq 'en-US' and RegionInfo eq 'US'"
	meter  = "9995d93a-7d35-4d3f-9c69-7a7fea447ef4"
)

func main() {
	query := url.Values{"api-version": {"2015-06-01-preview"}, "$filter": {filter}}
	request, err := http.NewRequest("GET", os.Args[1]+"/subscriptions/"+os.Args[2]+
		"/providers/Microsoft.Commerce/RateCard?"+query.Encode(), nil)
	if err != nil {
		log.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+os.Getenv("TOKEN"))
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		log.Fatal(err)
	}
	defer response.Body.Close()
	var card struct {
		Currency string
		Meters   []struct {
			MeterId, MeterName, MeterRegion, Unit string
			MeterRates                            map[string]float64
		}
	}
	if err := json.NewDecoder(response.Body).Decode(&card); err != nil || response.StatusCode != 200 {
		log.Fatal(response.Status, err)
	}
	fmt.Printf("%d meters in %s\n", len(card.Meters), card.Currency)
	for _, found := range card.Meters {
		if found.MeterId == meter {
			fmt.Printf("%s, %s, by %s:\n", found.MeterName, found.MeterRegion, found.Unit)
			tiers := [][2]float64{}
			for text, rate := range found.MeterRates {
				bound, err := strconv.ParseFloat(text, 64)
				if err != nil {
					log.Fatal(err)
				}
				tiers = append(tiers, [2]float64{bound, rate})
			}
			sort.Slice(tiers, func(one, other int) bool { return tiers[one][0] < tiers[other][0] })
			for _, tier := range tiers {
				fmt.Printf("from %v: %.3f\n", tier[0], tier[1])
			}
		}
	}
}
