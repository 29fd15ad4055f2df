#!/usr/bin/env node
/*
 * Checks a webhook of h5pay (Standard Webhooks).
 *
 *     webhook.js SECRET_FILE ID TIMESTAMP SIGNATURE <BODY
 *
 * SECRET_FILE holds hooks.webhook_secret; the three are the headers webhook-id,
 * webhook-timestamp, webhook-signature.  Or require('./webhook.js').verify,
 * answer 204 when it is true and the event is stored, and 400 when it is false.
 * The same id may come again: keep the ids you have seen.
 */
'use strict';
const crypto = require('crypto');
const fs = require('fs');

const TOLERANCE_S = 300;

/* body: the bytes (Buffer) as they came, before any parser; undefined: there is
 * no such header. */
function verify(secret, id, timestamp, signature, body) {
	if (id == null || timestamp == null || signature == null) {
		return false;
	}
	if (!/^[0-9]+$/.test(timestamp) ||
	    Math.abs(Date.now() / 1000 - Number(timestamp)) > TOLERANCE_S) {
		return false;
	}
	const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64');
	const want = Buffer.from('v1,' + crypto.createHmac('sha256', key)
	    .update(`${id}.${timestamp}.`).update(body).digest('base64'));
	return signature.split(' ').map((s) => Buffer.from(s)).some((s) =>
	    s.length === want.length && crypto.timingSafeEqual(s, want));
}

module.exports = { verify };

if (require.main === module) {
	const args = process.argv.slice(2);
	if (args.length !== 4) {
		console.error(
		    'usage: webhook.js SECRET_FILE ID TIMESTAMP SIGNATURE <BODY');
		process.exit(64);
	}
	const secret = fs.readFileSync(args[0], 'utf8').trim();
	const body = fs.readFileSync(0);
	if (!verify(secret, args[1], args[2], args[3], body)) {
		console.error('not from our h5pay');
		process.exit(1);
	}
	const event = JSON.parse(body);
	console.log(event.type, event.order.order);
}
