#!/usr/bin/env node
/*
 * Prints a signed pay link for h5pay.
 *
 *     paylink.js KEY_FILE CHECKOUT_URL order=ID total_fee=FEN body=TEXT ...
 *     (attach=TEXT, expires=UNIX, return_url=URL where your shop shows it)
 *
 * KEY_FILE holds site.link_key.  Or require('./paylink.js').payLink.
 */
'use strict';
const crypto = require('crypto');
const fs = require('fs');

/* params: names and values as text, not encoded; without sig. */
function payLink(checkoutUrl, key, params) {
	const names = Object.keys(params).filter((n) => n !== 'sig');
	const text = names.filter((n) => n !== 'lang').sort()
	    .map((n) => `${n}=${params[n]}`).join('\n');
	const sig = crypto.createHmac('sha256', key).update(text).digest('hex');
	/* encodeURIComponent leaves !'()* as they are; RFC 3986 does not. */
	const encode = (s) => encodeURIComponent(s).replace(/[!'()*]/g,
	    (c) => '%' + c.charCodeAt(0).toString(16).toUpperCase());
	const query = names.map((n) => `${n}=${encode(params[n])}`).join('&');
	return `${checkoutUrl}?${query}&sig=${sig}`;
}

module.exports = { payLink };

if (require.main === module) {
	const [keyFile, checkoutUrl, ...args] = process.argv.slice(2);
	if (args.length === 0) {
		console.error(
		    'usage: paylink.js KEY_FILE CHECKOUT_URL name=value ...');
		process.exit(64);
	}
	const key = fs.readFileSync(keyFile, 'utf8').replace(/[\r\n]+$/, '');
	const params = {};
	for (const arg of args) {
		const at = arg.indexOf('=');
		params[arg.slice(0, at)] = arg.slice(at + 1);
	}
	console.log(payLink(checkoutUrl, key, params));
}
