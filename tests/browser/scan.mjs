// A code on a desk, a phone that scans it, and the page that shows it.
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { AT_DESK, DESKTOP, WECHAT, Wrong, browser, calls, control, holds, once,
	same, setting } from './walk.mjs';

const LOOK_MS = 2000;
const scanForm = (page) => page.locator('form[action*="/query"] button').first();
const isLookUrl = (url) => url.search.includes("&scan=1");

// From the link to the code.
async function show(w, shop = setting.every_shop, more = {}) {
	await w.page.goto(w.link(shop, more));
	await w.at('confirm');
	await w.press(w.page.locator('form button').first());
	await w.at('scan', 'awaiting');
}

// The code as a camera sees it, from a picture of the whole page.
async function read(page, name, more = {}) {
	const file = join(setting.shots, `${name}.png`.replace(/[^\w.-]+/g, '-'));

	await page.screenshot({ path: file, fullPage: true, ...more });
	try {
		return execFileSync('zbarimg', ['-q', '--raw', file],
			{ stdio: ['ignore', 'pipe', 'ignore'] }).toString().trim();
	} catch (e) {
		throw new Wrong(`no code is read in ${file}: exit ${e.status}`);
	}
}

// What scans is another device, with a WeChat of its own.
async function phone(code, button = 'stay') {
	const context = await browser.newContext({
		viewport: { width: 390, height: 844 }, userAgent: WECHAT });
	const page = await context.newPage();

	await page.goto(`${setting.gateway}/scan?code_url=` +
		encodeURIComponent(code));
	const main = page.locator('main');
	await main.waitFor();
	const seen = await main.getAttribute('data-page');
	if (seen === 'phone')
		await Promise.all([page.waitForEvent('framenavigated'),
			page.locator(`button[value=${button}]`).click()]);
	await context.close();
	return seen;
}

async function told(w, number = w.order) {
	await control('notice', { out_trade_no: number });
}

// The page goes on by itself.
async function moves(w, page = w.page, ms = LOOK_MS) {
	await page.clock.fastForward(ms);
	await page.locator('main[data-page=result][data-state=paid]').waitFor();
}

const ordered = async (w) => (await calls(w.order, 'unifiedorder')).length;

// Every module as an engine drew it: how dark, and how large in CSS pixels.
async function drawn(w, scale = 1) {
	const svg = w.page.locator('svg.qr');
	const side = Number((await svg.getAttribute('viewBox')).split(' ')[2]);
	const box = await svg.boundingBox();
	const png = (await w.page.screenshot({ clip: box, fullPage: true }))
		.toString('base64');
	const reader = await w.context.newPage();
	const rows = await reader.evaluate(async ({ png, side }) => {
		const image = new Image();
		image.src = `data:image/png;base64,${png}`;
		await image.decode();
		const canvas = document.createElement('canvas');
		canvas.width = image.width;
		canvas.height = image.height;
		const c = canvas.getContext('2d');
		c.drawImage(image, 0, 0);
		const out = [];
		for (let y = 0; y < side; y++) {
			const row = [];
			for (let x = 0; x < side; x++) {
				const [r, g, b] = c.getImageData(
					Math.floor((x + .5) * image.width / side),
					Math.floor((y + .5) * image.height / side),
					1, 1).data;
				row.push((r + g + b) / 3);
			}
			out.push(row);
		}
		return out;
	}, { png, side });
	await reader.close();
	return { side, rows, module: box.width / side * scale };
}

function lightAround({ side, rows }) {
	for (let i = 0; i < side; i++) {
		for (let j = 0; j < side; j++) {
			const edge = Math.min(i, j, side - 1 - i, side - 1 - j);

			if (edge < 4)
				holds(rows[i][j] > 250, `module ${i},${j} of the margin is ` +
					`light: ${rows[i][j]}`);
			else
				holds(rows[i][j] > 250 || rows[i][j] < 5,
					`module ${i},${j} is black or white: ${rows[i][j]}`);
		}
	}
}

// --- the walks ---------------------------------------------------------------

export const walks = {
	'a buyer at a desk scans and pays, and the page moves by itself':
		async (w) => {
			await w.page.clock.install();
			await show(w);
			const code = await read(w.page, `${w.name}.${w.lang}.code`);
			holds(/^weixin:\/\/wxpay\/bizpayurl/.test(code), code);
			same(await phone(code), 'phone', 'what the phone says');
			await told(w);
			await moves(w);
			await w.at('result', 'paid');
			same((await calls(w.order, 'orderquery')).length, 0,
				'questions to WeChat');
		},

	'a buyer at a desk without JavaScript scans, pays, and presses':
		async (w) => {
			await show(w);
			const code = await read(w.page, `${w.name}.${w.lang}.code`);
			same(await w.page.locator('meta[http-equiv=refresh]')
				.getAttribute('content'), '15', 'the reload');
			await phone(code);
			await w.press(scanForm(w.page));
			await w.at('result', 'paid');
		},

	'a desk whose buyer chooses to pay on this device': async (w) => {
		await show(w);
		await w.press(w.page.locator('form:has([value=h5]) button').first());
		await w.page.locator('main[data-page=cashier]').waitFor();
		same((await calls(w.order, 'closeorder')).length, 1, 'closed first');
	},

	'Q04 two orders one after the other show each its own code':
		once(async (w) => {
			await show(w);
			const [order, first] = [w.order, await read(w.page, 'Q04-1')];
			w.order += 'b';
			await show(w);
			const second = await read(w.page, 'Q04-2');
			holds(first !== second, 'two codes');
			same(await w.page.locator('img, [src]').count(), 0,
				'pictures with addresses of their own');
			await w.page.goBack();
			await w.page.goBack();
			await w.page.locator(`main[data-number="${order}"]`).waitFor();
			same(await read(w.page, 'Q04-3'), first, 'by Back');
			await w.page.goForward();
			await w.page.goForward();
			same(await read(w.page, 'Q04-4'), second, 'by Forward');
		}),

	'Q07 slow answers do not pile up, and it goes on once': once(async (w) => {
		const held = [];
		let hold = true;
		const shown = [];

		await w.page.clock.install();
		await show(w);
		await w.page.route(isLookUrl, (route) =>
			(hold ? held.push(route) : route.continue()));
		for (let i = 0; i < 10; i++)
			await w.page.clock.runFor(1000);
		await w.page.waitForFunction(() => true);
		same(held.length, 1, 'questions that are open');
		await phone(await read(w.page, 'Q07'));
		await told(w);
		w.page.on('response', (r) => {
			if (r.request().isNavigationRequest())
				shown.push(r.url());
		});
		hold = false;
		await held[0].continue();
		await w.page.locator('main[data-state=paid]').waitFor();
		await w.page.clock.runFor(60000);
		same(shown.length, 1, `pages that followed: ${shown}`);
	}),

	'Q08 a payment at minute 100 of a code is noticed without a click':
		once(async (w) => {
			await w.page.clock.install();
			await show(w);
			const code = await read(w.page, 'Q08');
			// The clock stops nowhere: each look is made and answered.
			for (let minute = 0; minute < 100; minute += 20)
				await w.page.clock.fastForward('20:00');
			await phone(code);
			await told(w);
			await moves(w, w.page, 5000);
		}),

	'Q10 Back after paying shows nothing that pays': async (w) => {
		await w.page.clock.install();
		await show(w);
		await phone(await read(w.page, `Q10-${w.lang}`));
		await told(w);
		await moves(w);
		await w.page.goBack();
		await w.at('result', 'paid');
		same(await w.page.locator('svg.qr, [name=again], [name=via]').count(),
			0, 'what pays');
		same(await ordered(w), 1, 'prepays');
	},

	'Q10 Back after paying without JavaScript shows nothing that pays':
		once(async (w) => {
			await show(w);
			await phone(await read(w.page, 'Q10-plain'));
			await w.press(scanForm(w.page));
			await w.at('result', 'paid');
			for (let i = 0; i < 2; i++) {
				await w.page.goBack();
				await w.at('result', 'paid');
				same(await w.page.locator('svg.qr, [name=again], [name=via]')
					.count(), 0, 'what pays');
			}
			same(await ordered(w), 1, 'prepays');
		}),

	'Q10 a page that is restored from memory goes on at once':
		once(async (w) => {
			await w.page.clock.install();
			await show(w);
			await phone(await read(w.page, 'Q10-memory'));
			await told(w);
			await w.page.evaluate(() => dispatchEvent(
				new PageTransitionEvent('pageshow', { persisted: true })));
			await w.page.waitForURL(/\/query/);
			await w.at('result', 'paid');
		}),

	'Q11 five reloads and a second tab are one code': once(async (w) => {
		await w.page.clock.install();
		await show(w);
		const code = await read(w.page, 'Q11');
		const second = await w.context.newPage();
		await second.clock.install();
		await second.goto(w.page.url());
		for (let i = 0; i < 5; i++)
			await w.page.reload();
		same(await read(w.page, 'Q11-reloaded'), code, 'after five reloads');
		same(await read(second, 'Q11-second'), code, 'in the second tab');
		same(await ordered(w), 1, 'prepays');
		await phone(code);
		await told(w);
		await moves(w);
		await moves(w, second);
	}),
};

// --- how the code is drawn ---

const LOOKS = {
	light: { colorScheme: 'light' },
	dark: { colorScheme: 'dark' },
	forced: { colorScheme: 'dark', forcedColors: 'active' },
	// What a browser does that darkens pages by itself.
	darkened: { colorScheme: 'light', darken: true },
};

// Each width and size of text, under one of the looks.
async function everywhere(w, look, name, want) {
	const { darken, ...media } = LOOKS[look];
	const cdp = await w.context.newCDPSession(w.page);

	await w.page.emulateMedia({ forcedColors: 'none', ...media });
	await cdp.send('Emulation.setAutoDarkModeOverride',
		darken ? { enabled: true } : {});
	for (const width of [320, 390, 1280]) {
		for (const text of ['100%', '200%']) {
			await w.page.setViewportSize({ width, height: 800 });
			await w.page.evaluate((size) => {
				document.documentElement.style.fontSize = size;
			}, text);
			const seen = await drawn(w);
			const where = `${name} ${look} ${width} px ${text}`;

			lightAround(seen);
			holds(seen.module >= 4,
				`${where}: a module is ${seen.module} px`);
			same(await read(w.page, `${where}`), want, where);
		}
	}
	await cdp.detach();
}

async function codeUrl(w) {
	return 'weixin://wxpay/bizpayurl?pr=' + (await control('order', { out_trade_no: w.order }))
		.entries[0].code;
}

for (const look of Object.keys(LOOKS)) {
	walks[`Q01 Q02 the code is read on a ${look} page of any width`] =
		once(async (w) => {
			await show(w);
			await everywhere(w, look, 'Q01', await codeUrl(w));
		});
}

walks['Q02 the longest code_url is read on the narrowest page'] =
	once(async (w) => {
		const long = `weixin://wxpay/bizpayurl?pr=${'aZ09'.repeat(8)}`;

		same(long.length, 60, 'bytes');
		await control('fault', { api: 'unifiedorder', kind: 'set-field',
			name: 'code_url', value: long, out_trade_no: w.order });
		await show(w);
		await control('clear', { out_trade_no: w.order });
		for (const look of ['light', 'dark'])
			await everywhere(w, look, 'Q02', long);
	});

walks['Q02 the page\'s own address is read on the narrowest page'] =
	once(async (w) => {
		w.order = `w${Date.now()}-_`.padEnd(28, 'Aa0');
		// In the form that the page gives it.
		const link = w.link(setting.jsapi_shop).replaceAll('+', '%20');
		await w.page.goto(link);
		await w.at('open-in-wechat');
		for (const look of ['light', 'dark'])
			await everywhere(w, look, 'Q02-own', link);
	});

// --- when something is in the way ---

walks['Q13 a code that is over has one action, the keyboard does it'] =
	async (w) => {
		writeFileSync(setting.late, '+0s');
		await w.page.clock.install();
		await show(w, setting.late_shop);
		const code = await read(w.page, `Q13-${w.lang}-1`);
		writeFileSync(setting.late, '+111m');
		await Promise.all([w.page.waitForEvent('framenavigated'),
			w.page.clock.fastForward('01:51:00')]);
		await renew(w, code);
	};

walks['Q13 a code that is over without JavaScript has the same action'] =
	once(async (w) => {
		writeFileSync(setting.late, '+0s');
		await show(w, setting.late_shop);
		const code = await read(w.page, 'Q13-plain-1');
		writeFileSync(setting.late, '+111m');
		await w.page.reload();
		await renew(w, code);
	});

// The page of a dead code, by the keyboard alone.
async function renew(w, code) {
	await w.at('scan', 'awaiting');
	same(await w.page.locator('svg.qr').count(), 0, 'dead codes');
	same(await w.page.locator('main .btn.go').count(), 1, 'first actions');
	const button = w.page.locator('main .btn.go');
	for (let i = 0; i < 5; i++) {
		await w.page.keyboard.press('Tab');
		if (await button.evaluate((b) => b === document.activeElement))
			break;
	}
	await Promise.all([w.page.waitForEvent('framenavigated'),
		w.page.keyboard.press('Enter')]);
	await w.at('scan', 'awaiting');
	const second = await read(w.page, `Q13-${w.lang}-2`);
	holds(second !== code, 'a new code');
	const all = await calls(w.order, 'unifiedorder');
	same(all.map((c) => c.out_trade_no), [w.order, w.order], 'the same number');
	await phone(second);
	await w.press(scanForm(w.page));
	await w.at('result', 'paid');
	writeFileSync(setting.late, '+0s');
}

walks['Q14 a page whose script was taken out still has all that is needed'] =
	once(async (w) => {
		await w.page.route('**/checkout?*go=1*', async (route) => {
			const answer = await route.fetch();
			const text = await answer.text();

			await route.fulfill({ response: answer,
				body: text.replace(/<script>[^]*?<\/script>/, '') });
		});
		await show(w);
		await phone(await read(w.page, 'Q14-script'));
		await w.press(scanForm(w.page));
		await w.at('result', 'paid');
	});

walks['Q14 a page whose questions are blocked asks less and less'] =
	once(async (w) => {
		const tries = [];
		let seconds = 0;

		await w.page.clock.install();
		await w.page.route(isLookUrl, (route) => {
			tries.push(seconds);
			return route.abort('blockedbyclient');
		});
		await show(w);
		// Each failure is waited for, so that the page's clock stands still
		// while a question is open.
		for (const step of [2, 4, 8, 16, 32, 60, 60, 60]) {
			seconds += step;
			const [failed] = await Promise.all([
				w.page.waitForEvent('requestfailed'),
				w.page.clock.fastForward(step * 1000 + 500),
			]);
			holds(isLookUrl(new URL(failed.url())), failed.url());
		}
		same(tries.length, 8, 'questions');
		await w.look('scan');
		const reloaded = w.page.waitForEvent('framenavigated');
		await w.page.clock.fastForward('02:00:00');
		await reloaded;
		await w.at('scan');
		await phone(await read(w.page, 'Q14-blocked'));
		await w.press(scanForm(w.page));
		await w.at('result', 'paid');
		w.complaints = w.complaints.filter((c) => !/BLOCKED_BY_CLIENT/.test(c));
	});

walks['Q16 behind a cache that keeps every GET the page still moves'] =
	once(async (w) => {
		const kept = new Map();

		await w.page.clock.install();
		// Keeps what is answered 200 to a GET, whatever its headers say.
		await w.context.route('**/*', async (route) => {
			const request = route.request();
			const url = request.url();

			if (request.method() !== 'GET')
				return route.continue();
			if (!kept.has(url)) {
				const response = await route.fetch({ maxRedirects: 0 });
				if (response.status() !== 200)
					return route.fulfill({ response });
				if (isLookUrl(new URL(url)))
					same(response.headers()['cache-control'], 'no-store',
						'Cache-Control');
				kept.set(url, response);
			}
			return route.fulfill({ response: kept.get(url) });
		});
		await show(w);
		// The result's page has been seen and is kept, too.
		const back = w.page.url();
		await w.press(scanForm(w.page));
		await w.at('result', 'awaiting');
		await w.page.reload();
		await w.page.goto(back);
		await phone(await read(w.page, 'Q16'));
		await told(w);
		await moves(w);
	});

walks['Q49 a phone that shows pages as on a desk can pay on itself'] =
	async (w) => {
		await w.page.goto(w.link(setting.every_shop));
		await w.at('confirm');
		const here = w.page.locator('form:has([value=h5]) button').first();
		const box = await here.boundingBox();
		holds(box.y + box.height <= 844, `pay on this device ends at ${
			box.y + box.height}`);
		await w.press(w.page.locator('form button').first());
		await w.at('scan');
		const there = await here.boundingBox();
		holds(there.y + there.height <= 844, `pay on this device ends at ${
			there.y + there.height}`);
		await w.press(here);
		await w.page.locator('main[data-page=cashier]').waitFor();
	};
walks['Q49 a phone that shows pages as on a desk can pay on itself'].opens = {
	userAgent: 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 ' +
		'(KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36',
};

for (const [name, walk] of Object.entries(walks))
	walk.opens ??= /without JavaScript/.test(name)
		? { ...AT_DESK, javaScriptEnabled: false } : AT_DESK;
