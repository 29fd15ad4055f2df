// Every place where a link is opened, by the User-Agent that it sends: to a
// paid order, or to a page that says what to do.
import { PHONE, calls, control, holds, lastReferer, once, same, setting,
} from './walk.mjs';

const IPHONE = 'Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) ' +
	'AppleWebKit/605.1.15 (KHTML, like Gecko) ';
const MAC = 'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) ' +
	'AppleWebKit/605.1.15 (KHTML, like Gecko) ';
const WINDOWS = 'Mozilla/5.0 (Windows NT 10.0; Win64; x64) ' +
	'AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36';

// What is read there, in both languages.
const WORDS = {
	outside: { 'zh-CN': ['请在浏览器中打开本页', '右上角', '在浏览器打开', '复制'],
		en: ['Open this page in your browser', 'top right',
			'Open in browser', 'copy'] },
	app: { 'zh-CN': ['请在浏览器中打开本页', '此应用', '尚未扣款'],
		en: ['Open this page in your browser', 'This app',
			'not been charged'] },
	apart: { 'zh-CN': ['此商家只支持扫码支付'],
		en: ['This shop takes scanned payments only'] },
	wechat: { 'zh-CN': ['请在微信中打开本页', '文件传输助手'],
		en: ['Open this page in WeChat', 'File Transfer'] },
};

// [place, User-Agent, the ways that are offered there, the words that are read]
const PLACES = [
	['WeChat on Android', `${PHONE} MicroMessenger/8.0.50.2701(0x28003253) ` +
		'NetType/WIFI', 'jsapi'],
	['WeChat on an iPhone', `${IPHONE}Mobile/15E148 MicroMessenger/8.0.49(` +
		'0x18003128) NetType/4G Language/zh_CN', 'jsapi'],
	['WeChat on HarmonyOS', 'Mozilla/5.0 (Phone; OpenHarmony 5.0) AppleWebKit/' +
		'537.36 (KHTML, like Gecko) Chrome/114.0.0.0 Safari/537.36 ArkWeb/' +
		'4.1.6.1 Mobile MicroMessenger/1.0.0', 'jsapi'],
	['WeChat on Windows', `${WINDOWS} MicroMessenger/7.0.20 WindowsWechat(` +
		'0x63090a13) UnifiedPCWindowsWechat(0xf2541022)', 'native h5'],
	['WeChat on a Mac', `${MAC}MicroMessenger/6.8.0(0x16080000) MacWechat/` +
		'3.8.7(0x13080712) UnifiedPCMacWechat(0xf26405f0)', 'native h5'],
	['WeCom on a phone', `${PHONE} MicroMessenger/7.0.1 wxwork/4.1.22`, '',
		['outside']],
	['WeCom on a desktop', `${WINDOWS} wxwork/4.1.22 MicroMessenger/7.0.1`,
		'native'],
	['a mini program', `${PHONE} MicroMessenger/8.0.49 miniProgram/wx1234`, '',
		['outside']],
	['a mini program on a desktop', `${WINDOWS} MicroMessenger/7.0.20 ` +
		'MiniProgramEnv/Windows WindowsWechat', 'native'],
	['Safari on an iPad', `${MAC}Version/17.4 Safari/605.1.15`, 'native h5'],
	['a web view on an iPad', `${MAC}Mobile/15E148`, 'h5 native'],
	['HarmonyOS', 'Mozilla/5.0 (Phone; OpenHarmony 5.0) AppleWebKit/537.36 ' +
		'(KHTML, like Gecko) Chrome/114.0.0.0 Safari/537.36 ArkWeb/4.1.6.1 ' +
		'Mobile HuaweiBrowser/5.0.4.300', 'h5 native'],
	['HarmonyOS on a desktop', 'Mozilla/5.0 (PC; OpenHarmony 5.0) AppleWebKit/' +
		'537.36 (KHTML, like Gecko) Chrome/114.0.0.0 Safari/537.36 ArkWeb/' +
		'4.1.6.1 HuaweiBrowser/5.1', 'native h5'],
	['Safari on an iPhone', `${IPHONE}Version/17.4 Mobile/15E148 Safari/604.1`,
		'h5 native'],
	['QQ', `${PHONE} QQ/8.9.73.11945`, 'h5 native'],
	['Baidu', `${PHONE} baiduboxapp/13.58.0.10`, 'h5 native'],
	['UC', `${PHONE} UCBrowser/16.5`, 'h5 native'],
	['Alipay', `${PHONE} NebulaSDK/1.8 AlipayClient/10.6.0`, 'h5', ['app']],
	['Douyin', `${PHONE} aweme_300700 JsSdk/1.0`, 'h5', ['app']],
	['Toutiao', `${PHONE} NewsArticle/9.7.0`, 'h5', ['app']],
	['Weibo', `${IPHONE}Mobile/15E148 Weibo (iPhone14,2__weibo__14.5.0)`, 'h5',
		['app']],
	['DingTalk', `${PHONE} AliApp(DingTalk/7.5.10)`, 'h5', ['app']],
	['Feishu', `${PHONE} Lark/7.18.6 LarkLocale/zh_CN`, 'h5', ['app']],
	['Xiaohongshu', `${IPHONE}Mobile/15E148 xhsdiscover/8.40`, 'h5', ['app']],
	['a desk', WINDOWS, 'native h5'],
];

async function says(w, words) {
	const text = await w.page.locator('main').innerText();

	for (const name of words)
		for (const part of WORDS[name][w.lang])
			holds(text.includes(part), `the page says: ${part}`);
	const copied = await w.page.locator('.copy code').innerText();
	holds(copied.startsWith(setting.every_shop) ||
		copied.startsWith(setting.native_shop) ||
		copied.startsWith(setting.jsapi_shop), `to copy: ${copied}`);
	return copied;
}

const form = (w, via) =>
	w.page.locator(`form:has([name=via][value=${via}]) button`).first();

// On the page of each way: pays, and comes to the result.
const PAY = {
	async h5(w) {
		await w.page.locator('main[data-page=cashier]').waitFor();
		same(await lastReferer(w.order), `${setting.every_shop}/`, 'Referer');
		await w.cashier('pay');
		await w.at('return');
	},
	async native(w) {
		await w.page.locator('main[data-page=scan]').waitFor();
		await control('pay', { out_trade_no: w.order, notice: 0 });
	},
	async jsapi(w) {
		await w.page.locator('main[data-page=jsapi]').waitFor();
		await control('pay', { out_trade_no: w.order, notice: 0 });
	},
};

export const walks = {};

PLACES.forEach(([place, userAgent, ways, words = []], i) => {
	const via = ways.split(' ').filter(Boolean);
	const walk = async (w) => {
		await w.page.goto(w.link(setting.every_shop));
		if (words.length > 0) {
			await w.at('open-outside');
			await says(w, words);
		} else {
			await w.at('confirm');
		}
		same(await w.page.locator('form [name=via]').evaluateAll(
			(all) => all.map((e) => e.value)), via, 'the ways');
		same((await calls(w.order)).length, 0, 'calls');
		if (via.length === 0)
			return;
		await w.press(form(w, via[0]));
		await PAY[via[0]](w);
		await w.paid();
	};

	// Words are read in both languages, the rest in one of them.
	if (words.length === 0)
		once(walk, i % 2 ? 'en' : 'zh-CN');
	walk.opens = { userAgent };
	walks[`in ${place} an order is ${via.length > 0
		? `paid by ${via[0]}` : 'sent elsewhere'}`] = walk;
});

// A shop draws our link as a code, and a phone opens it in WeChat.
const Q55 = [
	['native', 'native_shop', 'open-outside', ['apart']],
	['jsapi', 'jsapi_shop', 'confirm', []],
	['h5', 'shop', 'open-outside', []],
];
for (const [product, shop, page, words] of Q55) {
	const walk = async (w) => {
		await w.page.goto(w.link(setting[shop]));
		await w.at(page);
		if (words.length > 0)
			await says(w, words);
		if (page === 'confirm') {
			await w.press(form(w, 'jsapi'));
			await PAY.jsapi(w);
			await w.paid();
		} else {
			same(await w.page.locator('form button').count(), 0, 'buttons');
			same((await calls(w.order)).length, 0, 'calls');
		}
	};

	walk.opens = { userAgent: PLACES[0][1] };
	walks[`Q55 a link that WeChat opens, with ${product} alone`] = walk;
}

Object.assign(walks, {
	'a shop that has JSAPI alone sends a phone into WeChat': async (w) => {
		await w.page.goto(w.link(setting.jsapi_shop));
		await w.at('open-in-wechat');
		await says(w, ['wechat']);
	},

	'a shop that has Native alone shows a phone the code for another':
		async (w) => {
			await w.page.goto(w.link(setting.native_shop));
			await w.at('confirm');
			const text = await w.page.locator('main').innerText();
			for (const part of WORDS.apart[w.lang])
				holds(text.includes(part), `the page says: ${part}`);
			await w.press(form(w, 'native'));
			await w.at('scan');
			await PAY.native(w);
			await w.paid();
		},

	'a link that was sent from a phone into WeChat is paid there':
		once(async (w) => {
			const to = w.link(setting.every_shop);

			await w.page.goto(to);
			await w.press(form(w, 'h5'));
			await w.page.locator('main[data-page=cashier]').waitFor();
			await w.close();
			await w.open({ userAgent: PLACES[0][1] });
			await w.page.goto(to);
			await w.at('confirm');
			await w.press(form(w, 'jsapi'));
			await w.page.locator('main[data-page=jsapi]').waitFor();
			await control('pay', { out_trade_no: `${w.order}_2`, notice: 0 });
			await w.paid();
			same((await calls(w.order, 'closeorder')).length, 1, 'closes');
		}),

	// docs/APPS.md: what a web view loses when it loads the cashier by itself.
	'a web view that loads the cashier anew is refused without a Referer':
		once(async (w) => {
			await w.page.goto(w.link());
			await w.press(form(w, 'h5'));
			await w.at('cashier');
			const cashier = w.page.url();
			await w.page.goto(cashier);
			await w.page.locator('main[data-error=format]').waitFor();
			await w.page.goto(cashier, { referer: 'https://other.example/' });
			await w.page.locator('main[data-error=unconfigured]').waitFor();
			await w.page.goto(cashier, { referer: `${setting.shop}/` });
			await w.page.locator('main[data-page=cashier]').waitFor();
			await w.cashier('pay');
			await w.at('return');
			await w.paid();
		}),
});
