#!/usr/bin/env php
<?php
/*
 * Prints a signed pay link for h5pay.
 *
 *     paylink.php KEY_FILE CHECKOUT_URL order=ID total_fee=FEN body=TEXT ...
 *     (attach=TEXT, expires=UNIX, return_url=URL where your shop shows it)
 *
 * KEY_FILE holds site.link_key.  Or copy pay_link() into the shop.
 */

/* $params: names and values as text, not encoded; without sig. */
function pay_link(string $checkout_url, string $key, array $params): string
{
	unset($params['sig']);
	$signed = $params;
	unset($signed['lang']);
	ksort($signed, SORT_STRING);
	$lines = [];
	foreach ($signed as $name => $value) {
		$lines[] = "$name=$value";
	}
	$params['sig'] = hash_hmac('sha256', implode("\n", $lines), $key);
	return $checkout_url . '?' .
	    http_build_query($params, '', '&', PHP_QUERY_RFC3986);
}

if ($argc < 4) {
	fwrite(STDERR, "usage: paylink.php KEY_FILE CHECKOUT_URL name=value\n");
	exit(64);
}
$key = rtrim(file_get_contents($argv[1]), "\r\n");
$params = [];
foreach (array_slice($argv, 3) as $arg) {
	[$name, $value] = explode('=', $arg, 2);
	$params[$name] = $value;
}
echo pay_link($argv[2], $key, $params), "\n";
