#!/usr/bin/env php
<?php
/*
 * Checks a webhook of h5pay (Standard Webhooks).
 *
 *     webhook.php SECRET_FILE ID TIMESTAMP SIGNATURE <BODY
 *
 * SECRET_FILE holds hooks.webhook_secret; the three are the headers.  Or copy
 * webhook_good() into the shop:
 *
 *     $body = file_get_contents('php://input');
 *     if (!webhook_good($secret, $_SERVER['HTTP_WEBHOOK_ID'],
 *         $_SERVER['HTTP_WEBHOOK_TIMESTAMP'],
 *         $_SERVER['HTTP_WEBHOOK_SIGNATURE'], $body)) {
 *             http_response_code(400);
 *             exit;
 *     }
 *     ... store the event, once for each id ...
 *     http_response_code(204);
 */

const TOLERANCE_S = 300;

/* $body: the bytes as they came, before any parser. */
function webhook_good(string $secret, string $id, string $timestamp,
    string $signature, string $body): bool
{
	if (!ctype_digit($timestamp) ||
	    abs(time() - (int)$timestamp) > TOLERANCE_S) {
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

if ($argc !== 5) {
	fwrite(STDERR,
	    "usage: webhook.php SECRET_FILE ID TIMESTAMP SIGNATURE <BODY\n");
	exit(64);
}
$body = file_get_contents('php://stdin');
if (!webhook_good(trim(file_get_contents($argv[1])), $argv[2], $argv[3],
    $argv[4], $body)) {
	fwrite(STDERR, "not from our h5pay\n");
	exit(1);
}
$event = json_decode($body, true);
echo $event['type'], ' ', $event['order']['order'], "\n";
