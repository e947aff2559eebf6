// Sums a week's usage by unit, with Go's standard library alone.
//
// Usage: TOKEN=… SSL_CERT_FILE=ca.pem go run usage.go https://127.0.0.1:8443 SUBSCRIPTION_ID
package main

import (
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"os"
	"sort"
	"time"
)

type page struct {
	Value []struct {
		Properties struct {
			Unit     string
			Quantity float64
		}
	}
	NextLink string
}

func get(link string) (answer page) {
	request, err := http.NewRequest("GET", link, nil)
	if err != nil {
		log.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+os.Getenv("TOKEN"))
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		log.Fatal(err)
	}
	defer response.Body.Close()
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil || response.StatusCode != 200 {
		log.Fatal(response.Status, err)
	}
	return answer
}

func main() {
	end := time.Now().UTC()
	start, day := end.AddDate(0, 0, -7), "2006-01-02"
	link := fmt.Sprintf("%s/subscriptions/%s/providers/Microsoft.Commerce/UsageAggregates?api-version=2015-06-01-preview"+
		"&aggregationGranularity=Hourly&reportedStartTime=%s&reportedEndTime=%s",
		os.Args[1], os.Args[2], start.Format(day), end.Format(day))
	count, sums, units := 0, map[string]float64{}, []string{}
	for link != "" {
		answer := get(link)
		for _, row := range answer.Value {
			if _, known := sums[row.Properties.Unit]; !known {
				units = append(units, row.Properties.Unit)
			}
			sums[row.Properties.Unit] += row.Properties.Quantity
			count++
		}
		link = answer.NextLink
	}
	fmt.Printf("%d usage aggregates reported from %s to %s\n", count, start.Format(day), end.Format(day))
	sort.Strings(units)
	for _, unit := range units {
		fmt.Printf("%.3f %s\n", sums[unit], unit)
	}
}
