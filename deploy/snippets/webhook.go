//go:build ignore

// Checks a webhook of h5pay (Standard Webhooks).
//
//	go run webhook.go SECRET_FILE ID TIMESTAMP SIGNATURE <BODY
//
// SECRET_FILE holds hooks.webhook_secret; the three are the headers webhook-id,
// webhook-timestamp, webhook-signature.  Or copy verify into the shop, answer
// 204 when it is true and the event is stored, and 400 when it is false.  The
// same id may come again: keep the ids you have seen.
package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"
)

const tolerance = 300 * time.Second

// verify takes the body's bytes as they came, before any parser.
func verify(secret, id, timestamp, signature string, body []byte) bool {
	at, err := strconv.ParseInt(timestamp, 10, 64)
	if err != nil {
		return false
	}
	if age := time.Since(time.Unix(at, 0)); age > tolerance ||
		age < -tolerance {
		return false
	}
	key, err := base64.StdEncoding.DecodeString(
		strings.TrimPrefix(secret, "whsec_"))
	if err != nil {
		return false
	}
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(id + "." + timestamp + "."))
	mac.Write(body)
	want := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
	for _, one := range strings.Fields(signature) {
		if hmac.Equal([]byte(one), []byte(want)) {
			return true
		}
	}
	return false
}

func main() {
	if len(os.Args) != 5 {
		fmt.Fprintln(os.Stderr, "usage: webhook.go SECRET_FILE ID "+
			"TIMESTAMP SIGNATURE <BODY")
		os.Exit(64)
	}
	secret, err := os.ReadFile(os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	body, err := io.ReadAll(os.Stdin)
	if err != nil || !verify(strings.TrimSpace(string(secret)), os.Args[2],
		os.Args[3], os.Args[4], body) {
		fmt.Fprintln(os.Stderr, "not from our h5pay")
		os.Exit(1)
	}
	var event struct {
		Type  string
		Order struct{ Order string }
	}
	if err := json.Unmarshal(body, &event); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(event.Type, event.Order.Order)
}
