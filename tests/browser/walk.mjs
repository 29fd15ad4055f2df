// What every walk in Chromium needs: the browser, what a person does with it,
// and what is checked of every page that he sees.
import { createHmac } from 'node:crypto';
import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import { brokenNumbers } from './numbers.mjs';

export const setting = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const axe = readFileSync(
	createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
export const PHONE = 'Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 ' +
	'(KHTML, like Gecko) Chrome/131.0.0.0 Mobile Safari/537.36';
export const DESKTOP = 'Mozilla/5.0 (Windows NT 10.0; Win64; x64) ' +
	'AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36';
const ON_PHONE = {
	viewport: { width: 390, height: 844 },
	deviceScaleFactor: 1.5,
	hasTouch: true,
	isMobile: true,
	userAgent: PHONE,
};
export const AT_DESK = {
	viewport: { width: 1280, height: 800 },
	deviceScaleFactor: 1,
	hasTouch: false,
	isMobile: false,
	userAgent: DESKTOP,
};
export const WECHAT = `${PHONE} MicroMessenger/8.0.50.2701(0x28003253) NetType/WIFI`;

export const browser = await chromium.launch({
	executablePath: setting.chromium,
	args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic',
		'--no-first-run', '--disable-background-networking',
		'--disable-component-update', '--disable-sync'],
});

// --- what a walk needs -------------------------------------------------------

export class Wrong extends Error {}

export function same(got, want, what) {
	if (JSON.stringify(got) !== JSON.stringify(want))
		throw new Wrong(`${what}: got ${JSON.stringify(got)}, ` +
			`want ${JSON.stringify(want)}`);
}

export function holds(value, what) {
	if (!value)
		throw new Wrong(`not so: ${what}`);
}

export async function control(path, params = {}) {
	const r = await fetch(`${setting.gateway}/_control/${path}`, {
		method: 'POST',
		body: new URLSearchParams(params),
	});
	if (!r.ok)
		throw new Wrong(`_control/${path}: ${r.status} ${await r.text()}`);
	return r.json();
}

export function link(shop, fields) {
	const text = Object.entries(fields)
		.sort(([a], [b]) => (a < b ? -1 : 1))
		.map(([n, v]) => `${n}=${v}`).join('\n');
	const sig = createHmac('sha256', setting.link_key).update(text)
		.digest('hex');
	return `${shop}/cgi-bin/checkout?` +
		new URLSearchParams({ ...fields, sig });
}

// The page but for what differs from order to order.
function skeleton() {
	return `${innerWidth} ${matchMedia('(prefers-color-scheme: dark)').matches
	} ${document.documentElement.lang} ${document.body.innerHTML
		.replace(/"[^"]*"/g, '').replace(/w\d[\w-]*/g, '')
		.replace(/\d+/g, '')}`;
}
const looked = new Set();

let orders = 0;
// A browser on a phone, an order of its own, and what it sees.
export class Walk {
	constructor(name, lang) {
		this.name = name;
		this.lang = lang;
		this.order = `w${Date.now() % 1e8}-${++orders}x`;
		this.seen = 0;
		this.complaints = [];
	}

	async open(options = {}) {
		const all = { ...ON_PHONE, ...options };

		this.touch = all.hasTouch;
		this.scripts = all.javaScriptEnabled !== false;
		this.context = await browser.newContext(
			{ locale: this.lang, ...all });
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

	// A page that another walk has shown already is not looked at again.
	async look(name) {
		if (this.scripts) {
			const key = await this.page.evaluate(skeleton);
			if (looked.has(key))
				return;
			looked.add(key);
		}
		const ours = !this.page.url().startsWith(setting.gateway);
		const file = `${this.name}.${this.lang}.${++this.seen}-${name}.png`
			.replace(/[^\w.-]+/g, '-');
		if (this.scripts)
			await this.page.evaluate(() => Promise.all(
				document.getAnimations().map((a) => a.finished)));
		await this.page.screenshot({ path: join(setting.shots, file),
			fullPage: true });
		if (!ours || !this.scripts)
			return;
		const lang = await this.page.locator('html').getAttribute('lang');
		same(lang, this.lang, `the language of ${name}`);
		const over = await this.page.evaluate(() =>
			document.documentElement.scrollWidth - window.innerWidth);
		holds(over <= 0, `${name} does not scroll sideways (${over} px)`);
		same(await this.page.evaluate(brokenNumbers), [], 'broken numbers');
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
			this.touch ? locator.tap() : locator.click(),
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

export async function calls(order, api) {
	const { calls: all } = await control('calls',
		{ out_trade_no: order, ...(api ? { api } : {}) });
	return all;
}

export async function lastReferer(order) {
	const { calls: all } = await control('calls', { api: 'cashier' });
	const mine = all.filter((c) => c.out_trade_no === order ||
		c.out_trade_no === '');
	return mine.at(-1).headers.referer;
}

// --- run ---------------------------------------------------------------------

// A walk on which no words are read: one language is enough.
export function once(walk, lang = 'zh-CN') {
	walk.langs = [lang];
	return walk;
}

// The walks of all the groups; how many passed, how many failed.
export async function run(groups) {
	const walks = Object.entries(Object.assign({}, ...groups))
		.filter(([name]) => name.includes(setting.only));
	let passed = 0;
	let failed = 0;

	mkdirSync(setting.shots, { recursive: true });
	// No notice comes by itself: the walks are about the buyer's own clicks.
	await control('fault', { api: 'notice', kind: 'never' });
	for (const lang of ['zh-CN', 'en']) {
		for (const [name, walk] of walks) {
			if (!(walk.langs ?? [lang]).includes(lang))
				continue;
			const why = await tried(new Walk(name, lang), walk);

			if (why === null)
				passed++;
			else
				failed++;
			console.log(`${why === null ? 'ok' : 'not ok'} ` +
				`${passed + failed} - ${name} (${lang})`);
			for (const line of why === null ? [] : why.split('\n'))
				console.log(`#   ${line}`);
		}
	}
	await browser.close();
	return { passed, failed };
}

// What went wrong on the walk, null if nothing did.
async function tried(w, walk) {
	try {
		await w.open(walk.opens);
		await walk(w);
		await w.close();
		return null;
	} catch (e) {
		let why = e instanceof Wrong ? e.message : e.stack;

		if (w.page && !w.page.isClosed()) {
			why += `\nat ${w.page.url()}`;
			await w.page.screenshot({ path: join(setting.shots,
				`FAILED-${w.order}.png`) }).catch(() => {});
		}
		await w.context?.close().catch(() => {});
		return why;
	}
}
