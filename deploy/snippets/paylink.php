<?php
/*
 * Prints a signed pay link for h5pay.
 *
 *     php paylink.php KEY_FILE CHECKOUT_URL order=ID total_fee=FEN body=TEXT ...
 *     (attach=TEXT, expires=UNIX, return_url=URL where your shop shows it)
 *
 * KEY_FILE holds site.link_key.  Or "require" this file in the shop and call
 * pay_link(); it does nothing else there.
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

function pay_link_main(array $argv): int
{
	if (count($argv) < 4) {
		fwrite(STDERR,
		    "usage: paylink.php KEY_FILE CHECKOUT_URL name=value\n");
		return 64;
	}
	$params = [];
	foreach (array_slice($argv, 3) as $arg) {
		[$name, $value] = explode('=', $arg, 2) + [1 => ''];
		$params[$name] = $value;
	}
	$key = rtrim(file_get_contents($argv[1]), "\r\n");
	echo pay_link($argv[2], $key, $params), "\n";
	return 0;
}

/* Only as a command; nothing happens where a shop requires this file. */
if (PHP_SAPI === 'cli' && get_included_files() === [__FILE__]) {
	exit(pay_link_main($argv));
}
