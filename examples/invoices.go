// Lists billing periods and invoices, with Go's standard library alone.
//
// Usage: TOKEN=… SSL_CERT_FILE=ca.pem go run invoices.go https://127.0.0.1:8443 SUBSCRIPTION_ID
package main

import (
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"net/url"
	"os"
)

type item struct {
	Name       string
	Properties struct {
		BillingPeriodStartDate, BillingPeriodEndDate string
		InvoicePeriodStartDate, InvoicePeriodEndDate string
		DownloadUrl                                  struct{ Url string }
	}
}

type page struct {
	Value    []item
	NextLink string
}

func main() {
	periods := list("billingPeriods", url.Values{})
	fmt.Printf("billing periods: %d\n", len(periods))
	for _, period := range periods {
		fmt.Printf("%s: %s to %s\n", period.Name,
			period.Properties.BillingPeriodStartDate, period.Properties.BillingPeriodEndDate)
	}
	invoices := list("invoices", url.Values{"$expand": {"downloadUrl"}})
	for _, invoice := range invoices {
		fmt.Printf("invoice %s: %s to %s, %s\n", invoice.Name,
			invoice.Properties.InvoicePeriodStartDate, invoice.Properties.InvoicePeriodEndDate,
			invoice.Properties.DownloadUrl.Url)
	}
	if len(invoices) == 0 {
		fmt.Println("no invoice yet")
	}
}

// list reads every page of a list.
func list(what string, query url.Values) []item {
	query.Set("api-version", "2018-03-01-preview")
	link := os.Args[1] + "/subscriptions/" + os.Args[2] + "/providers/Microsoft.Billing/" +
		what + "?" + query.Encode()
	items := []item{}
	for link != "" {
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
		var read page
		if err := json.NewDecoder(response.Body).Decode(&read); err != nil || response.StatusCode != 200 {
			log.Fatal(response.Status, err)
		}
		items = append(items, read.Value...)
		link = read.NextLink
	}
	return items
}
