// A buyer's whole walk in Chromium, through a real lighttpd and the stand-in
// for WeChat Pay, in both languages on a phone:
//   node tests/browser/flow.mjs SETTING.json
// tests/browser/run.py starts the servers and writes the setting.  Prints TAP
// and ends in "N passed, N failed"; screenshots go to the folder it names.
import { createHmac } from 'node:crypto';
import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { chromium } from 'playwright-core';

const setting = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const axe = readFileSync(
	createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const PHONE = 'Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 ' +
	'(KHTML, like Gecko) Chrome/131.0.0.0 Mobile Safari/537.36';
const WECHAT = `${PHONE} MicroMessenger/8.0.50.2701(0x28003253) NetType/WIFI`;

const browser = await chromium.launch({
	executablePath: setting.chromium,
	args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic',
		'--no-first-run', '--disable-background-networking',
		'--disable-component-update', '--disable-sync'],
});

// --- what a walk needs -------------------------------------------------------

class Wrong extends Error {}

function same(got, want, what) {
	if (JSON.stringify(got) !== JSON.stringify(want))
		throw new Wrong(`${what}: got ${JSON.stringify(got)}, ` +
			`want ${JSON.stringify(want)}`);
}

function holds(value, what) {
	if (!value)
		throw new Wrong(`not so: ${what}`);
}

async function control(path, params = {}) {
	const r = await fetch(`${setting.gateway}/_control/${path}`, {
		method: 'POST',
		body: new URLSearchParams(params),
	});
	if (!r.ok)
		throw new Wrong(`_control/${path}: ${r.status} ${await r.text()}`);
	return r.json();
}

function link(shop, fields) {
	const text = Object.entries(fields)
		.sort(([a], [b]) => (a < b ? -1 : 1))
		.map(([n, v]) => `${n}=${v}`).join('\n');
	const sig = createHmac('sha256', setting.link_key).update(text)
		.digest('hex');
	return `${shop}/cgi-bin/checkout?` +
		new URLSearchParams({ ...fields, sig });
}

let orders = 0;
// A browser on a phone, an order of its own, and what it sees.
class Walk {
	constructor(name, lang) {
		this.name = name;
		this.lang = lang;
		this.order = `w${Date.now() % 1e8}-${++orders}x`;
		this.seen = 0;
		this.complaints = [];
	}

	async open(options = {}) {
		this.context = await browser.newContext({
			viewport: { width: 390, height: 844 },
			deviceScaleFactor: 1.5,
			hasTouch: true,
			isMobile: true,
			locale: this.lang,
			userAgent: PHONE,
			...options,
		});
		this.page = await this.context.newPage();
		this.page.on('console', (m) => {
			// That a page has status 404 is no fault of the page.
			if (['error', 'warning'].includes(m.type()) &&
				!/status of 4\d\d|status of 50[23]/.test(m.text()))
				this.complaints.push(`console: ${m.text()}`);
		});
		this.page.on('pageerror', (e) =>
			this.complaints.push(`error: ${e.message}`));
		this.page.on('response', (r) => {
			if (r.status() === 404 && !r.request().isNavigationRequest() &&
				!r.url().endsWith('/favicon.ico'))
				this.complaints.push(`404 for ${r.url()}`);
		});
	}

	link(shop = setting.shop, more = {}) {
		return link(shop, { order: this.order, total_fee: '880',
			body: '龙井茶 100 克', ...more });
	}

	// Where we are, as the page says; looks at the page while there.
	async at(name, state) {
		const main = this.page.locator('main');
		await main.waitFor();
		same(await main.getAttribute('data-page'), name,
			`the page at ${this.page.url()}`);
		if (state)
			same(await main.getAttribute('data-state'), state, 'the state');
		await this.look(name);
	}

	async look(name) {
		const ours = !this.page.url().startsWith(setting.gateway);
		const file = `${this.name}.${this.lang}.${++this.seen}-${name}.png`
			.replace(/[^\w.-]+/g, '-');
		await this.page.evaluate(() => Promise.all(
			document.getAnimations().map((a) => a.finished)));
		await this.page.screenshot({ path: join(setting.shots, file),
			fullPage: true });
		if (!ours)
			return;
		const lang = await this.page.locator('html').getAttribute('lang');
		same(lang, this.lang, `the language of ${name}`);
		const over = await this.page.evaluate(() =>
			document.documentElement.scrollWidth - window.innerWidth);
		holds(over <= 0, `${name} does not scroll sideways (${over} px)`);
		await this.page.evaluate(axe);
		const result = await this.page.evaluate(() => axe.run(document, {
			runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa',
				'best-practice'],
		}));
		for (const v of result.violations)
			throw new Wrong(`axe on ${name}: ${v.id}: ${v.nodes[0].html}`);
	}

	// Press something and wait for the page that it leads to.
	async press(locator) {
		await Promise.all([
			this.page.waitForEvent('framenavigated'),
			locator.tap(),
		]);
		await this.page.waitForLoadState('load');
	}

	async pay() {
		await this.page.goto(this.link());
		await this.at('confirm');
		await this.press(this.page.locator('form button').first());
		await this.at('cashier');
	}

	cashier(action) {
		return this.press(this.page.locator(`button[value=${action}]`));
	}

	paidButton() {
		return this.page.locator('form[action$="/query"] button, ' +
			'form[action*="/query?"] button').first();
	}

	// WeChat is asked once a second at the most: whoever presses earlier, right
	// after having paid again, say, presses again.
	async paid() {
		const until = Date.now() + 10000;
		let state;
		do {
			await this.press(this.paidButton());
			state = await this.page.locator('main').getAttribute('data-state');
		} while (state !== 'paid' && Date.now() < until);
		await this.at('result', 'paid');
	}

	againButton() {
		return this.page.locator('main > .slip form:has([name=again]) button')
			.first();
	}

	async close() {
		await this.context.close();
		same(this.complaints, [], 'what the browser complained of');
	}
}

async function calls(order, api) {
	const { calls: all } = await control('calls',
		{ out_trade_no: order, ...(api ? { api } : {}) });
	return all;
}

async function lastReferer(order) {
	const { calls: all } = await control('calls', { api: 'cashier' });
	const mine = all.filter((c) => c.out_trade_no === order ||
		c.out_trade_no === '');
	return mine.at(-1).headers.referer;
}

// --- the walks ---------------------------------------------------------------

const walks = {
	'a buyer pays and sees the result': async (w) => {
		await w.pay();
		same(await lastReferer(w.order), `${setting.shop}/`, 'Referer');
		await w.cashier('pay');
		await w.at('return');
		await w.paid();
		holds((await w.page.locator('main').innerText()).includes('8.80'),
			'the amount');
	},

	'a buyer cancels, pays again, and pays': async (w) => {
		await w.pay();
		await w.cashier('cancel');
		await w.at('return');
		await w.press(w.againButton());
		await w.at('cashier');
		await w.cashier('pay');
		await w.at('return');
		await w.paid();
	},

	'a buyer comes back before paying, then pays': async (w) => {
		await w.pay();
		const back = new URL(w.page.url()).searchParams.get('redirect_url');
		await w.page.goto(back);
		await w.at('return');
		await w.press(w.paidButton());
		await w.at('result', 'awaiting');
		await control('pay', { out_trade_no: w.order, notice: 0 });
		await w.paid();
	},

	'a notice makes the return page the result': async (w) => {
		await w.pay();
		const back = new URL(w.page.url()).searchParams.get('redirect_url');
		await control('pay', { out_trade_no: w.order, notice: 0 });
		await control('notice', { out_trade_no: w.order });
		await w.page.goto(back);
		await w.at('result', 'paid');
	},

	'a double tap is one order and one call': async (w) => {
		await w.page.goto(w.link());
		await w.at('confirm');
		await w.page.locator('form button').first().dblclick();
		await w.page.waitForURL((u) => u.href.startsWith(setting.gateway));
		await w.at('cashier');
		same((await calls(w.order, 'unifiedorder')).length, 1,
			'unifiedorder calls');
	},

	'Back from the cashier and the button again': async (w) => {
		await w.pay();
		await w.page.goBack();
		await w.at('confirm');
		await w.press(w.page.locator('form button').first());
		await w.at('cashier');
		same((await calls(w.order, 'unifiedorder')).length, 1,
			'unifiedorder calls');
	},

	'Back and reload of an item are one order': async (w) => {
		await w.page.goto(`${setting.shop}/cgi-bin/checkout?item=tea`);
		await w.at('confirm');
		const order = await w.page.locator('[name=order]').inputValue();
		await w.page.reload();
		await w.at('confirm');
		for (let i = 0; i < 3; i++) {
			same(await w.page.locator('[name=order]').inputValue(), order,
				'the order');
			await w.press(w.page.locator('form button').first());
			await w.at('cashier');
			await w.page.goBack();
			await w.at('confirm');
		}
		await w.press(w.page.locator('form button').first());
		await w.cashier('pay');
		await w.paid();
		await w.page.goto(`${setting.shop}/cgi-bin/checkout?item=tea`);
		await w.at('result', 'paid');
		await w.press(w.page.locator('form:has([name=item]) button'));
		await w.at('cashier');
		await w.page.goBack();
		await w.at('confirm');
		holds(await w.page.locator('[name=order]').inputValue() !== order,
			'another order');
	},

	'a buyer names the amount': async (w) => {
		await w.page.goto(`${setting.shop}/cgi-bin/checkout?item=gift`);
		await w.at('confirm');
		await w.page.locator('[name=yuan]').fill('0.50');
		await w.press(w.page.locator('form button').first());
		await w.at('bad-request');
		holds(await w.page.locator('[name=yuan]').isVisible(), 'asked again');
		await w.page.locator('[name=yuan]').fill('66.60');
		await w.press(w.page.locator('form button').first());
		await w.at('cashier');
		await w.cashier('pay');
		await w.at('return');
		await w.paid();
	},

	'the handoff page leads on with our origin as Referer': async (w) => {
		await w.page.goto(w.link(setting.handoff_shop));
		await w.at('confirm');
		await w.press(w.page.locator('form button').first());
		await w.at('handoff');
		await w.press(w.page.locator('a[referrerpolicy=origin]'));
		await w.at('cashier');
		same(await lastReferer(w.order), `${setting.handoff_shop}/`,
			'Referer');
		await w.cashier('pay');
		await w.at('return');
		await w.paid();
	},

	'the help list mends a host that forbids the Referer': async (w) => {
		await w.page.goto(w.link(setting.quiet_shop));
		await w.at('confirm');
		await w.press(w.page.locator('form button').first());
		await w.page.locator('main[data-error=format]').waitFor();
		await w.look('cashier-error');
		const back = new URL(w.page.url()).searchParams.get('redirect_url');
		await w.page.goto(back);
		await w.at('return');
		await w.page.locator('summary', { hasText: '商家参数格式有误' }).tap();
		await w.press(w.page.locator('details[open] button'));
		await w.at('handoff');
		await w.press(w.page.locator('a[referrerpolicy=origin]'));
		await w.at('cashier');
	},

	'inside WeChat the page says to open a browser': async (w) => {
		await w.close();
		await w.open({ userAgent: WECHAT });
		await w.page.goto(w.link());
		await w.at('open-outside');
		same((await calls(w.order)).length, 0, 'calls');
	},

	'the other language is one tap away': async (w) => {
		await w.page.goto(w.link());
		await w.at('confirm');
		const other = w.lang === 'en' ? 'zh-CN' : 'en';
		await w.press(w.page.locator(`a[href*="lang=${other}"]`));
		w.lang = other;
		await w.at('confirm');
		await w.press(w.page.locator('form button').first());
		await w.page.locator('main[data-page=cashier]').waitFor();
	},

	'pages of refusals': async (w) => {
		const to = (q) => w.page.goto(`${setting.shop}/cgi-bin/${q}`);
		await to('checkout?item=coffee');
		await w.at('not-found');
		await to('checkout?item=tea&qty=x');
		await w.at('bad-request');
		await w.page.goto(`${w.link()}0`);
		await w.at('bad-link');
		await w.page.goto(w.link(setting.shop,
			{ expires: '1600000000' }));
		await w.at('link-expired');
		await to('return-page?order=abcdefgh&t=x');
		await w.at('not-found');
		await control('fault', { api: 'unifiedorder', kind: 'unsigned',
			out_trade_no: w.order });
		await w.page.goto(w.link());
		await w.press(w.page.locator('form button').first());
		await w.at('gateway-error');
		await control('clear', { out_trade_no: w.order });
		await w.press(w.page.locator('form:has([name=again]) button').first());
		await w.at('cashier');
	},

	'a payment that does not fit says the shop is checking': async (w) => {
		await w.pay();
		const back = new URL(w.page.url()).searchParams.get('redirect_url');
		await control('pay', { out_trade_no: w.order, notice: 0 });
		await control('notice', { out_trade_no: w.order,
			kind: 'wrong-amount' });
		await w.page.goto(back);
		await w.page.locator('main[data-alert]').waitFor();
		await w.look('disputed');
		same(await w.page.locator('form:has([name=again])').count(), 0,
			'buttons that pay again');
	},

	'without JavaScript everything works': async (w) => {
		await w.close();
		await w.open({ javaScriptEnabled: false });
		w.look = async () => {}; // axe is JavaScript
		await w.pay();
		await w.cashier('pay');
		await w.at('return');
		await w.paid();
	},
};

// What the cashier may say, and whether its entry in the list has a button
// that leads on to the cashier again.
const ERRORS = {
	network: ['网络环境未能通过安全验证', true],
	format: ['商家参数格式有误', true],
	unconfigured: ['商家存在未配置的参数', false],
	expired: ['支付请求已失效', true],
	'in-wechat': ['请在微信外打开订单', true],
	account: ['签名验证失败', true],
};
for (const [name, [text, mends]] of Object.entries(ERRORS)) {
	walks[`after the cashier says ${name}`] = async (w) => {
		await control('fault', { api: 'cashier', kind: 'show-error',
			out_trade_no: w.order, name });
		await w.page.goto(w.link());
		await w.press(w.page.locator('form button').first());
		await w.page.locator(`main[data-error]`).waitFor();
		await w.look('cashier-error');
		const back = new URL(w.page.url()).searchParams.get('redirect_url');
		// By Back the buyer finds the list as well.
		await w.page.goBack();
		await w.at('confirm');
		await w.page.locator('summary', { hasText: text }).tap();
		holds(await w.page.locator('details[open] p').first().isVisible(),
			'what to do');
		await control('clear', { out_trade_no: w.order });
		await w.page.goto(back);
		await w.at('return');
		await w.page.locator('summary', { hasText: text }).tap();
		await w.look('help');
		const button = w.page.locator('details[open] button, details[open] a');
		holds(await button.count() <= 1, 'one thing to press');
		if (!mends)
			return;
		await w.press(button);
		if (name === 'format') {
			await w.at('handoff');
			await w.press(w.page.locator('a[referrerpolicy=origin]'));
		}
		await w.at('cashier');
	};
}

// --- run ---------------------------------------------------------------------

mkdirSync(setting.shots, { recursive: true });
const only = setting.only;
let passed = 0;
let failed = 0;
// No notice comes by itself: the walks are about the buyer's own clicks.
await control('fault', { api: 'notice', kind: 'never' });
for (const lang of ['zh-CN', 'en']) {
	for (const [name, walk] of Object.entries(walks)) {
		if (!name.includes(only))
			continue;
		const w = new Walk(name, lang);
		let why = null;
		try {
			await w.open();
			await walk(w);
			await w.close();
		} catch (e) {
			why = e instanceof Wrong ? e.message : e.stack;
			if (w.page && !w.page.isClosed()) {
				why += `\nat ${w.page.url()}`;
				await w.page.screenshot({ path: join(setting.shots,
					`FAILED-${passed + failed + 1}.png`) }).catch(() => {});
			}
			await w.context?.close().catch(() => {});
		}
		if (why === null)
			passed++;
		else
			failed++;
		console.log(`${why === null ? 'ok' : 'not ok'} ${passed + failed} - ` +
			`${name} (${lang})`);
		for (const line of why === null ? [] : why.split('\n'))
			console.log(`#   ${line}`);
	}
}
await browser.close();
if (passed + failed === 0)
	console.log('no test is called so');
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 && passed > 0 ? 0 : 1);
