// Our template engine against npm's mustache:
//   node tests/pages/mustache_differential.mjs DRIVER [RUNS [SEED]]
// Three rounds: pairs written by hand, templates made at random, and our real
// templates in both languages under random views.  The last part proves that
// both message files say the same things, and that templates, messages and
// the views of common/web/page*.c know the same names.
//
// Where the two are known to differ, and how this compares all the same:
// * mustache escapes / ` = too: it is given our escaper (& < > " ').
// * mustache takes a line of several section tags for standalone, the
//   specification only a tag by itself: no such lines here, and the real
//   templates have none (round three would fail).
// * mustache indents the later lines of a partial inside a line: only
//   partials of one line are used inside a line.
import { readFileSync, readdirSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import Mustache from 'mustache';

const [driver, runsText, seedText] = process.argv.slice(2);
const runs = Number(runsText ?? 3000);
let seed = Number(seedText ?? 20261123);

// mulberry32: the same run for the same seed everywhere.
function random(n) {
	seed = (seed + 0x6d2b79f5) | 0;
	let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
	t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
	return ((t ^ (t >>> 14)) >>> 0) % n;
}
const pick = (list) => list[random(list.length)];

Mustache.escape = (s) => String(s).replace(/[&<>"']/g, (c) => ({
	'&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;',
})[c]);

let passed = 0;
let failed = 0;
function report(ok, name, why = []) {
	if (ok)
		passed++;
	else
		failed++;
	console.log(`${ok ? 'ok' : 'not ok'} ${passed + failed} - ${name}`);
	for (const line of ok ? [] : why)
		console.log(`#   ${line}`);
}

// --- both engines over a list of { template, partials, view } --------------

const hex = (s) => Buffer.from(s).toString('hex');

function viewCommands(view) {
	return Object.entries(view).flatMap(([name, value]) => {
		if (typeof value === 'string')
			return [`str ${name} ${hex(value)}`];
		if (typeof value === 'boolean')
			return [`flag ${name} ${value ? 1 : 0}`];
		return value.flatMap((item) =>
			[`item ${name}`, ...viewCommands(item), 'end -']);
	});
}

function compare(title, cases) {
	const input = cases.flatMap((c) => [
		...Object.entries(c.partials).map(([n, t]) => `template ${n} ${hex(t)}`),
		`template main ${hex(c.template)}`,
		...viewCommands(c.view), 'render main',
	]).join('\n');
	const run = spawnSync(driver, { input: `${input}\n`, maxBuffer: 1 << 30 });
	const lines = run.stdout.toString().split('\n');
	const wrong = [];
	if (run.status !== 0)
		wrong.push(`the driver failed: ${run.stderr}`);
	cases.forEach((c, i) => {
		const line = lines[i] ?? 'nothing';
		const ours = line.startsWith('ok ')
			? Buffer.from(line.slice(3), 'hex').toString() : line;
		const theirs = Mustache.render(c.template, c.view, c.partials);
		if (ours !== theirs && wrong.length < 12)
			wrong.push(`template ${JSON.stringify(c.template).slice(0, 300)}`,
				`view     ${JSON.stringify(c.view).slice(0, 300)}`,
				...differ(ours, theirs));
	});
	report(wrong.length === 0 && cases.length > 0,
		`${title} (${cases.length})`, wrong);
}

function differ(ours, theirs) {
	let i = 0;
	while (i < ours.length && ours[i] === theirs[i])
		i++;
	const from = Math.max(0, i - 60);
	return [`ours     ${JSON.stringify(ours.slice(from, i + 60))}`,
		`theirs   ${JSON.stringify(theirs.slice(from, i + 60))}`];
}

// --- round one: by hand -----------------------------------------------------

const view = {
	text: `<a href="x">R&D's</a>`, empty: '', yes: true, no: false,
	lines: 'one\n two\n', list: [{ name: 'a' }, { name: 'b', text: 'own' }],
	outer: [{ inner: [{ name: 'x' }, { name: 'y' }] }],
};
const shared = {
	p: 'in', gap: 'a\n\n  b\n', 'm.key': 'word {{text}}', two: 'a\nb\n', 'm.part': '{{> m.key}}!',
	deep: '<\n{{#yes}}\n  {{> two}}\n{{/yes}}\n>\n', show: '[{{{lines}}}]\n',
};
compare('pairs written by hand', [
	'{{text}} {{{text}}} {{&text}}', '{{#yes}}x{{/yes}}{{^yes}}y{{/yes}}',
	'{{#no}}x{{/no}}{{^no}}y{{/no}}', '{{#empty}}x{{/empty}}{{^empty}}y{{/empty}}',
	'{{#text}}x{{/text}}{{^text}}y{{/text}}', '{{nobody}}{{^nobody}}y{{/nobody}}',
	'{{yes}} {{no}}', '{{#list}}{{name}} {{text}}\n{{/list}}',
	'{{#outer}}{{#inner}}{{name}}{{yes}}{{/inner}}{{/outer}}',
	'a\n{{#list}}\n- {{name}}\n{{/list}}\nb\n', 'a\n  {{#yes}}  \n  b\n  {{/yes}}',
	'a\r\n{{#yes}}\r\nb\r\n{{/yes}}\r\nc', 'x {{#yes}} y {{/yes}} z\n',
	'{{! one }}a{{! two }}b', 'a\n  {{! alone }}  \nb\n', 'a\n{{! over\nlines }}\nb',
	'<p>{{> m.part}}</p>', '  {{> two}}\n.', ' {{> deep}}\n.', '  {{> show}}\n.',
	'{{#list}}\n  {{> two}}\n{{/list}}', '{{> p}}', 'x{{> p}}y\n{{> p}}\nz',
	'', '}} { }', '{{ text }}\n{{  #yes}}', '{{{ text }}}',
].filter((t) => !t.includes('  #')).map((template) =>
	({ template, partials: shared, view })));

// --- round two: at random ---------------------------------------------------

const flat = ['text', 'empty', 'lines', 'yes', 'no', 'name', 'nobody'];
const open = ['text', 'empty', 'yes', 'no', 'list', 'outer', 'inner', 'nobody'];
const blanks = () => pick(['', '', ' ', '  ', '\t']);
const newline = () => pick(['\n', '\n', '\n', '\r\n']);

function inlinePiece(depth) {
	switch (random(depth > 0 ? 9 : 7)) {
	case 0: return `{{${blanks()}${pick(flat)}${blanks()}}}`;
	case 1: return `{{{${pick(flat)}}}}`;
	case 2: return `{{& ${pick(flat)}}}`;
	case 3: return `{{> ${pick(['p', 'm.key', 'm.part'])}}}`;
	case 4: return '{{! note }}';
	case 5: return pick([' ', 'word', '<b>', '{ ', ' }', '&', ' }} ']);
	case 6: return 'y';
	default: {
		const name = pick(open);
		return `{{${pick(['#', '^'])}${name}}}${inline(depth - 1)}{{/${name}}}`;
	}
	}
}

const inline = (depth) =>
	Array.from({ length: random(4) }, () => inlinePiece(depth)).join('');

function block(depth) {
	return Array.from({ length: random(5) }, () => {
		switch (random(depth > 0 ? 7 : 4)) {
		case 0: return newline();
		case 1: return `${blanks()}{{! note }}${blanks()}${newline()}`;
		case 2: return `${blanks()}{{> ${pick(['two', 'deep', 'show', 'gap', 'p'])}}}` +
			`${blanks()}\n`;
		case 3: return `${blanks()}x${inline(2)}${newline()}`;
		default: {
			const name = pick(open);
			return `${blanks()}{{${pick(['#', '^'])}${name}}}${blanks()}` +
				`${newline()}${block(depth - 1)}${blanks()}{{/${name}}}` +
				`${blanks()}${newline()}`;
		}
		}
	}).join('');
}

compare('templates made at random', Array.from({ length: runs }, () =>
	({ template: block(3), partials: shared, view })));

// --- round three: what we ship ----------------------------------------------

const langs = ['zh-CN', 'en'];
const pages = {};
// report.html is h5pay's, with messages and a test of its own.
for (const file of readdirSync('templates').filter(
  (f) => f.endsWith('.html') && f !== 'report.html'))
	pages[file.slice(0, -5)] = readFileSync(`templates/${file}`, 'utf8');

function readMessages(lang) {
	const table = {};
	for (const line of readFileSync(`templates/messages.${lang}`, 'utf8').split('\n')) {
		const m = /^([a-z0-9_]+) = (.*)$/.exec(line);
		if (m !== null)
			table[`m.${m[1]}`] = m[2];
	}
	return table;
}
const messages = Object.fromEntries(langs.map((l) => [l, readMessages(l)]));

const tagsOf = (text) => [...text.matchAll(/\{\{([#^/>!&{]?)\s*([\w.-]+)/g)]
	.filter((m) => m[1] !== '!').map((m) => ({ kind: m[1], name: m[2] }));
const allTexts = [...Object.values(pages), ...Object.values(messages.en)];
const names = [...new Set(allTexts.flatMap(tagsOf)
	.filter((t) => t.kind !== '>' && t.kind !== '/').map((t) => t.name))].sort();

const words = ['<&>"\'', '128.00', '2026-11-23 16:40:12', '/a?b=c&d=e', '中文', 'x'];
function randomView() {
	const v = {};
	for (const name of names) {
		const kind = random(4);
		if (name === 'hidden')
			v.hidden = Array.from({ length: random(3) }, () =>
				({ name: pick(words), value: pick(words) }));
		else if (kind > 1)
			v[name] = pick(words);
		else if (kind === 1)
			v[name] = random(2) === 1;
	}
	return v;
}
for (const lang of langs)
	compare(`our templates with messages.${lang}`, Object.keys(pages).flatMap(
		(page) => Array.from({ length: 20 }, () => ({
			template: pages[page],
			partials: { ...pages, ...messages[lang] },
			view: randomView(),
		}))));

// --- names -------------------------------------------------------------------

const missing = (a, b) => a.filter((x) => !b.includes(x));
const keys = langs.map((l) => Object.keys(messages[l]).sort());
report(keys[0].length > 0 && keys[0].join() === keys[1].join(),
	'both message files have the same keys',
	[...missing(keys[0], keys[1]), ...missing(keys[1], keys[0])]);

const tagSet = (text) => [...new Set(tagsOf(text)
	.map((t) => t.kind + t.name))].sort().join(' ');
const unlike = keys[0].filter((k) =>
	tagSet(messages['zh-CN'][k] ?? '') !== tagSet(messages.en[k] ?? ''));
report(unlike.length === 0, 'a message has the same tags in both languages',
	unlike);

const used = [...new Set(allTexts.flatMap(tagsOf)
	.filter((t) => t.kind === '>').map((t) => t.name))];
const known = [...keys[1], ...Object.keys(pages)];
report(missing(used, known).length === 0, 'every partial that is used exists',
	missing(used, known));
report(missing(keys[1], used).length === 0, 'every message is used',
	missing(keys[1], used));

const code = ['page.c', 'page_parts.c', 'page_ways.c']
	.map((f) => readFileSync(`common/web/${f}`, 'utf8')).join('');
const drawn = [...code.matchAll(/finish\(&pg, "([a-z-]+)"/g),
	...code.matchAll(/return "([a-z-]+)";/g), ...code.matchAll(/[?:] "([a-z-]+)"/g), ...code.matchAll(/\{"([a-z-]+)", \d+\}/g)]
	.map((m) => m[1]).filter((n) => n in pages);
const idle = missing(missing(Object.keys(pages), used), drawn);
report(idle.length === 0, 'every template is a page or a partial', idle);

// The alerts come by h5_order_alert_name, the ways by h5_order_product_word.
const set = [...(code + readFileSync('cgi-bin/doctor.c', 'utf8'))
	.matchAll(/"([a-z0-9_]+)"/g)].map((m) => m[1])
	.concat('disputed', 'late', 'overpaid', 'h5', 'native', 'jsapi');
report(names.length > 0 && missing(names, set).length === 0,
	'every name in a template is set by common/web/page*.c or the doctor', missing(names, set));

console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
