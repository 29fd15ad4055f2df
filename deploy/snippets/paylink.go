//go:build ignore

// Prints a signed pay link for h5pay.
//
//	go run paylink.go KEY_FILE CHECKOUT_URL order=ID total_fee=FEN body=TEXT ...
//	(attach=TEXT, expires=UNIX, return_url=URL where your shop shows it)
//
// KEY_FILE holds site.link_key.  Or copy payLink into the shop.
package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/url"
	"os"
	"sort"
	"strings"
)

// payLink takes name and value pairs as text, not encoded; without sig.
func payLink(checkoutURL, key string, params [][2]string) string {
	var signed, query []string
	sorted := append([][2]string(nil), params...)
	sort.Slice(sorted, func(i, j int) bool {
		return sorted[i][0] < sorted[j][0]
	})
	for _, p := range sorted {
		if p[0] != "sig" && p[0] != "lang" {
			signed = append(signed, p[0]+"="+p[1])
		}
	}
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write([]byte(strings.Join(signed, "\n")))
	for _, p := range params {
		if p[0] != "sig" {
			// QueryEscape writes a blank as +.
			query = append(query, p[0]+"="+strings.ReplaceAll(
				url.QueryEscape(p[1]), "+", "%20"))
		}
	}
	return checkoutURL + "?" + strings.Join(query, "&") +
		"&sig=" + hex.EncodeToString(mac.Sum(nil))
}

func main() {
	if len(os.Args) < 4 {
		fmt.Fprintln(os.Stderr,
			"usage: paylink.go KEY_FILE CHECKOUT_URL name=value ...")
		os.Exit(64)
	}
	key, err := os.ReadFile(os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	var params [][2]string
	for _, arg := range os.Args[3:] {
		name, value, _ := strings.Cut(arg, "=")
		params = append(params, [2]string{name, value})
	}
	fmt.Println(payLink(os.Args[2], strings.TrimRight(string(key), "\r\n"),
		params))
}
