// Every page in every case, both languages, light and dark, 320 and 390 px
// wide, as a real browser shows it under the page's own headers:
//   node tests/browser/pages.mjs FOLDER [--shots DIR] [--only NAME]
// FOLDER is what tests/pages/render.c wrote.  Prints TAP and ends in
// "N passed, N failed".  NAME is part of the names of the pages to look at.
import { createServer } from 'node:http';
import { mkdirSync, readFileSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { chromium } from 'playwright-core';
import { brokenNumbers } from './numbers.mjs';

const { values, positionals: [folder] } = parseArgs({
	options: { shots: { type: 'string' }, only: { type: 'string' } },
	allowPositionals: true,
});
const shots = values.shots ?? null;
const only = values.only ?? '';
const axe = readFileSync(
	createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

// A page is served with the headers that were written beside it, so that its
// Content-Security-Policy is in force.
const server = createServer((req, res) => {
	const name = new URL(req.url, 'http://x').pathname.slice(1);
	if (!/^[\w.-]+\.html$/.test(name)) {
		res.writeHead(204).end();
		return;
	}
	const file = join(folder, name);
	const headers = readFileSync(file.replace(/html$/, 'headers'), 'latin1');
	for (const line of headers.split('\r\n').filter(Boolean)) {
		const [, key, value] = /^([^:]+): (.*)$/.exec(line);
		res.setHeader(key, value);
	}
	res.end(readFileSync(file));
});
await new Promise((done) => server.listen(0, '127.0.0.1', done));
const base = `http://127.0.0.1:${server.address().port}/`;

const browser = await chromium.launch({
	executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
	args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic',
		'--no-first-run', '--disable-background-networking',
		'--disable-component-update', '--disable-sync'],
});

const names = readdirSync(folder)
	.filter((n) => n.endsWith('.html') && n.includes(only)).sort();
let passed = 0;
let failed = 0;
function report(ok, name, why) {
	if (ok)
		passed++;
	else
		failed++;
	console.log(`${ok ? 'ok' : 'not ok'} ${passed + failed} - ${name}`);
	for (const line of ok ? [] : why)
		console.log(`#   ${line}`);
}

// What a buyer can press must be big enough to hit.
function smallTargets() {
	const found = [];
	const all = document.querySelectorAll(
		'a[href], button, summary, input:not([type=hidden])');
	for (const el of all) {
		const box = el.getBoundingClientRect();
		if (box.width === 0 && box.height === 0)
			continue;
		if (box.height < 44 || box.width < 44)
			found.push(`${el.tagName} "${el.textContent.trim().slice(0, 30)}"` +
				` is ${Math.round(box.width)} x ${Math.round(box.height)}`);
	}
	return found;
}

// What the text's size, a wide screen, forced colours and a lost style sheet
// do to a page.
function alikeButtons() {
	const look = (el) => {
		const s = getComputedStyle(el);
		return [s.backgroundColor, s.color, s.borderTopWidth].join(' ');
	};
	const all = [...document.querySelectorAll('main .btn')];
	const go = all.filter((b) => b.classList.contains('go')).map(look);
	const rest = all.filter((b) => !b.classList.contains('go')).map(look);
	return go.filter((l) => rest.includes(l))
		.map((l) => `the first button looks like the others: ${l}`);
}
function hugeIcons() {
	const most = 4 * parseFloat(
		getComputedStyle(document.documentElement).fontSize);
	return [...document.querySelectorAll('main > .slip svg:not(.qr)')]
		.map((el) => el.getBoundingClientRect())
		.filter((b) => b.width > most || b.height > most)
		.map((b) => `an icon is ${b.width} x ${b.height}`);
}
async function shoot(page, name, label) {
	if (shots === null)
		return;
	await page.screenshot({
		path: join(shots, `${name.replace(/\.html$/, '')}.${label}.png`),
		fullPage: true,
	});
}

async function check(page, name, label) {
	const why = [];
	const hear = (m) => {
		if (['error', 'warning'].includes(m.type()))
			why.push(`console: ${m.text()}`);
	};
	const crash = (e) => why.push(`error: ${e.message}`);
	page.on('console', hear);
	page.on('pageerror', crash);
	await page.goto(base + name, { waitUntil: 'load' });
	await shoot(page, name, label);
	const opened = await page.evaluate(() => {
		const all = document.querySelectorAll('details');
		for (const d of all)
			d.open = true;
		return all.length;
	});
	if (opened > 0)
		await shoot(page, `open-${name}`, label);
	const overflow = await page.evaluate(() =>
		document.documentElement.scrollWidth - window.innerWidth);
	if (overflow > 0)
		why.push(`scrolls sideways by ${overflow} px`);
	why.push(...await page.evaluate(smallTargets));
	why.push(...await page.evaluate(brokenNumbers));
	await page.evaluate(axe);
	// axe cannot tell what lies behind words in a drawing; charts use the
	// same ink on the same ground as the notes beside them.
	const result = await page.evaluate(() => axe.run({
		include: document,
		exclude: ['svg text'],
	}, {
		runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa',
			'best-practice'],
	}));
	for (const v of [...result.violations, ...result.incomplete])
		why.push(...v.nodes.map((n) => `axe ${v.id}: ` +
			`${n.html.slice(0, 100)} ${n.any[0]?.message ?? ''}`));
	page.off('console', hear);
	page.off('pageerror', crash);
	report(why.length === 0, `${name} ${label}`, why);
}

if (shots !== null)
	mkdirSync(shots, { recursive: true });
for (const colorScheme of ['light', 'dark']) {
	for (const width of [320, 390]) {
		const context = await browser.newContext({
			viewport: { width, height: 720 },
			deviceScaleFactor: shots === null ? 1 : 1.5,
			colorScheme,
			reducedMotion: 'reduce',
		});
		const page = await context.newPage();
		for (const name of names)
			await check(page, name, `${width}-${colorScheme}`);
		await context.close();
	}
}

const looks = [
	{ label: '320-text-200', width: 320, text: '200%' },
	{ label: '1280-dark', width: 1280, colorScheme: 'dark' },
	{ label: '390-forced', width: 390, forcedColors: 'active' },
	{ label: '390-no-style', width: 390, bare: true },
];
for (const l of looks) {
	const context = await browser.newContext({
		viewport: { width: l.width, height: 720 },
		colorScheme: l.colorScheme ?? 'light',
		forcedColors: l.forcedColors ?? 'none',
		reducedMotion: 'reduce',
	});
	const page = await context.newPage();
	for (const name of names) {
		const why = [];
		await page.goto(base + name, { waitUntil: 'load' });
		await page.evaluate(({ text, bare }) => {
			if (text)
				document.documentElement.style.fontSize = text;
			for (const el of bare ? document.querySelectorAll('style') : [])
				el.remove();
			for (const d of document.querySelectorAll('details'))
				d.open = true;
		}, l);
		await shoot(page, name, l.label);
		why.push(...await page.evaluate(hugeIcons));
		if (!l.bare) {
			const over = await page.evaluate(() =>
				document.documentElement.scrollWidth - window.innerWidth);
			if (over > 0)
				why.push(`scrolls sideways by ${over} px`);
			why.push(...await page.evaluate(brokenNumbers));
			why.push(...await page.evaluate(alikeButtons));
		}
		report(why.length === 0, `B12: ${name} ${l.label}`, why);
	}
	await context.close();
}
await browser.close();
server.close();
if (names.length === 0 && only !== '') {
	console.log('no test is called so');
	process.exit(1);
}
if (names.length === 0)
	report(false, 'there are pages to look at', [folder]);
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
