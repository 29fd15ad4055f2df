<?php
/*
 * Checks a webhook of h5pay (Standard Webhooks).
 *
 *     php webhook.php SECRET_FILE ID TIMESTAMP SIGNATURE <BODY
 *
 * SECRET_FILE holds hooks.webhook_secret; the three are the headers.  Or
 * "require" this file in the shop; it does nothing there but define functions:
 *
 *     require __DIR__ . '/webhook.php';
 *     $body = file_get_contents('php://input');
 *     if (!webhook_good_request($secret, $body)) {
 *             http_response_code(400);
 *             exit;
 *     }
 *     $event = json_decode($body, true);
 *     if (empty($event['test'])) {    // "h5pay trigger" and "hook test"
 *             ... store the event, once for each $event['id'] ...
 *     }
 *     http_response_code(204);
 */

/* Seconds between the sender's clock and ours. */
const WEBHOOK_TOLERANCE_S = 300;

/* $body: the bytes as they came, before any parser.  null: there is no such
 * header. */
function webhook_good(string $secret, ?string $id, ?string $timestamp,
    ?string $signature, string $body): bool
{
	if ($id === null || $timestamp === null || $signature === null ||
	    !ctype_digit($timestamp) ||
	    abs(time() - (int)$timestamp) > WEBHOOK_TOLERANCE_S) {
		return false;
	}
	$key = base64_decode(preg_replace('/^whsec_/', '', $secret));
	$want = 'v1,' . base64_encode(
	    hash_hmac('sha256', "$id.$timestamp.$body", $key, true));
	$good = false;
	foreach (explode(' ', $signature) as $one) {
		$good = hash_equals($want, $one) || $good;
	}
	return $good;
}

/* The same of the request that PHP answers now. */
function webhook_good_request(string $secret, string $body): bool
{
	return webhook_good($secret, $_SERVER['HTTP_WEBHOOK_ID'] ?? null,
	    $_SERVER['HTTP_WEBHOOK_TIMESTAMP'] ?? null,
	    $_SERVER['HTTP_WEBHOOK_SIGNATURE'] ?? null, $body);
}

function webhook_main(array $argv): int
{
	if (count($argv) !== 5) {
		fwrite(STDERR, "usage: webhook.php SECRET_FILE ID TIMESTAMP " .
		    "SIGNATURE <BODY\n");
		return 64;
	}
	$body = file_get_contents('php://stdin');
	if (!webhook_good(trim(file_get_contents($argv[1])), $argv[2],
	    $argv[3], $argv[4], $body)) {
		fwrite(STDERR, "not from our h5pay\n");
		return 1;
	}
	$event = json_decode($body, true);
	echo $event['type'], ' ', $event['order']['order'], "\n";
	return 0;
}

/* Only as a command; nothing happens where a shop requires this file. */
if (PHP_SAPI === 'cli' && get_included_files() === [__FILE__]) {
	exit(webhook_main($argv));
}
