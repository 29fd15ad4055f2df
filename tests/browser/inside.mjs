// Inside WeChat: who the buyer is, WeixinJSBridge, and what it says.
import { WECHAT, calls, control, holds, once, same, setting } from './walk.mjs';

const SIX = ['appId', 'nonceStr', 'package', 'paySign', 'signType', 'timeStamp'];

// What WeChat puts into its pages, as far as paying goes.  bridge:
//   late     it is there only when the walk says so
//   answers  how often it calls back
function inject({ late, answers }) {
	const bridge = {
		invoke(name, data, callback) {
			const ask = { name, url: location.href, data,
				kind: Object.prototype.toString.call(data),
				types: Object.values(data).map((v) => typeof v) };

			window.askWeChat(ask).then((answer) => {
				for (let i = 0; answer && i < answers; i++)
					callback(answer);
			});
		},
	};

	window.bridgeArrives = () => {
		window.WeixinJSBridge = bridge;
		document.dispatchEvent(new Event('WeixinJSBridgeReady'));
	};
	if (!late)
		window.WeixinJSBridge = bridge;
}

// Opens the order inside WeChat, up to the page that calls the bridge.
// w.asked: what the bridge was called with.  w.answer: null (by the stand-in),
// or what it says; "nothing": it never answers.
async function enter(w, options = {}) {
	const { shop = setting.every_shop, bridge = {} } = options;

	let go;
	const looked = new Promise((resolve) => {
		go = resolve;
	});

	w.asked = [];
	w.answer ??= null;
	w.seenUrls = [];
	w.page.on('framenavigated', (frame) => w.seenUrls.push(frame.url()));
	await w.context.exposeFunction('askWeChat', async (ask) => {
		w.asked.push(ask);
		await looked;
		if (w.answer === 'nothing')
			return null;
		if (w.answer !== null)
			return w.answer;
		const r = await fetch(`${setting.gateway}/bridge`, {
			method: 'POST',
			body: new URLSearchParams({ ...ask.data, url: ask.url,
				action: w.action ?? 'pay', account: w.account ?? '' }),
		});
		return r.json();
	});
	await w.context.addInitScript(inject,
		{ late: false, answers: 1, ...bridge });
	await w.page.goto(w.link(shop));
	await w.at('confirm');
	await w.press(w.page.locator('form button').first());
	await w.at('jsapi', 'awaiting');
	go();
}

const said = (w, name) => w.page.locator(`[data-said=${name}]`);
const button = (w) => w.page.locator('#pay');
const result = (w) => w.page.locator('a[data-said]:visible');

// --- the walks ---------------------------------------------------------------

export const walks = {
	'inside WeChat a buyer pays and sees the result': async (w) => {
		await enter(w);
		await w.page.waitForURL(/return-page/);
		await w.at('return');
		same(w.asked.length, 1, 'calls of the bridge');
		same(w.asked[0].name, 'getBrandWCPayRequest', 'what was called');
		await w.paid();
	},

	'inside WeChat a buyer cancels, presses again, and pays': async (w) => {
		w.action = 'cancel';
		await enter(w);
		await said(w, 'cancel').waitFor();
		await w.at('jsapi', 'awaiting');
		w.action = 'pay';
		await button(w).tap();
		await w.page.waitForURL(/return-page/);
		await w.paid();
		same(w.asked.length, 2, 'calls of the bridge');
		same((await calls(w.order, 'unifiedorder')).length, 1, 'prepays');
	},

	'inside WeChat another account gets a number of its own': async (w) => {
		w.account = 'B';
		await enter(w);
		await said(w, 'person').waitFor();
		await w.look('person');
		await control('option', { account: 'B' });
		try {
			await w.press(w.page.locator('form:has([name=other]) button')
				.first());
			await w.page.waitForURL(/return-page/);
			await w.paid();
		} finally {
			await control('option', { account: 'A' });
		}
		same((await calls(w.order, 'closeorder')).length, 1, 'closed first');
	},

	'inside WeChat without JavaScript the page says what to do': async (w) => {
		await enter(w);
		await w.at('jsapi');
		holds(await w.page.locator('noscript').isVisible(), 'the words');
		await control('pay', { out_trade_no: w.order, notice: 0 });
		await w.paid();
	},

	'Q34 Q35 every address is a full load in one directory': once(async (w) => {
		const dir = `${setting.every_shop}/cgi-bin/`;

		await enter(w);
		await w.page.waitForURL(/return-page/);
		await w.paid();
		const ours = w.seenUrls.filter((u) => !u.startsWith('about:'));
		holds(ours.length >= 4, `addresses: ${ours}`);
		for (const url of ours) {
			holds(url.startsWith(dir), url);
			// The fragment is WeChat's own, and goes on through its redirect.
			holds(/^$|^#wechat_redirect$/.test(new URL(url).hash), url);
			holds(!/code=|state=/.test(url), `${url} keeps no code`);
			const rest = url.slice(dir.length).split('?')[0];
			holds(/^[a-z-]+$/.test(rest), `${url} is a page of the directory`);
		}
		holds(w.asked[0].url.startsWith(dir), 'where the bridge was called');
	}),

	'Q37 the bridge gets an object of six texts': once(async (w) => {
		await enter(w);
		await w.page.waitForURL(/return-page/);
		const [ask] = w.asked;
		same(ask.kind, '[object Object]', 'the second argument');
		same(Object.keys(ask.data).sort(), SIX, 'its names');
		same([...new Set(ask.types)], ['string'], 'their types');
		holds(/^\d{10}$/.test(ask.data.timeStamp), 'timeStamp in seconds');
		holds(/^prepay_id=.+/.test(ask.data.package), 'package');
	}),

	'Q38 an engine of long ago still calls the bridge': once(async (w) => {
		await w.context.addInitScript(() => {
			for (const name of ['fetch', 'Promise', 'Symbol', 'Proxy', 'Map',
				'Set', 'URLSearchParams', 'sessionStorage', 'localStorage'])
				Object.defineProperty(window, name,
					{ value: undefined, configurable: true });
			window.XMLHttpRequest = {};
			delete Element.prototype.closest;
			delete Element.prototype.remove;
			delete Object.assign;
			delete NodeList.prototype.forEach;
			delete Array.prototype.includes;
			delete String.prototype.includes;
			// Answers without the promises that are gone.
			window.askWeChat = undefined;
			window.WeixinJSBridge = {
				invoke(name, data, callback) {
					const all = document.documentElement;
					all.title += `${name}(${data.appId ? 6 : 0}) `;
					callback({ err_msg: 'get_brand_wcpay_request:cancel' });
				},
			};
		});
		w.look = async () => {}; // axe wants an engine of today
		await w.page.goto(w.link(setting.every_shop));
		await w.press(w.page.locator('form button').first());
		await said(w, 'cancel').waitFor();
		await button(w).tap();
		same(await w.page.locator('html').getAttribute('title'),
			'getBrandWCPayRequest(6) getBrandWCPayRequest(6) ', 'calls');
	}),

	'Q38 where there is no bridge the button says so': async (w) => {
		await enter(w, { bridge: { late: true } });
		await w.at('jsapi', 'awaiting');
		await button(w).tap();
		await said(w, 'bridge').waitFor();
		await w.look('no-bridge');
		// It comes late, and once more.
		await w.page.evaluate(() => {
			window.bridgeArrives();
			window.bridgeArrives();
		});
		await w.page.waitForURL(/return-page/);
		same(w.asked.length, 1, 'calls of the bridge');
	},

	'Q40 a bridge that is ready twice is called once': once(async (w) => {
		w.answer = 'nothing';
		await enter(w, { bridge: { late: true } });
		await w.page.evaluate(() => {
			window.bridgeArrives();
			window.bridgeArrives();
		});
		await result(w).waitFor();
		same(w.asked.length, 1, 'calls of the bridge');
	}),

	'Q40 a bridge that never answers leaves a way on': async (w) => {
		w.answer = 'nothing';
		await w.page.clock.install();
		await enter(w);
		await result(w).waitFor();
		holds(await button(w).isDisabled(), 'the button waits');
		await w.at('jsapi', 'awaiting');
		await w.page.clock.runFor(10000);
		holds(await button(w).isEnabled(), 'the button after 10 s');
		holds(await result(w).isVisible(), 'the link to the result');
		w.answer = null;
		await button(w).tap();
		await w.page.waitForURL(/return-page/);
		await w.paid();
	},

	'Q40 a bridge that answers twice does no harm': once(async (w) => {
		await enter(w, { bridge: { answers: 2 } });
		await w.page.waitForURL(/return-page/);
		await w.paid();
		same(w.asked.length, 1, 'calls of the bridge');
	}),

	'Q40 a blocked way to the result leaves a link, and nothing that pays':
		async (w) => {
			let block = true;

			await w.page.route('**/return-page?**', (route) =>
				(block ? route.fulfill({ status: 204 }) : route.continue()));
			await enter(w);
			await said(w, 'ok').first().waitFor();
			await w.look('paid-and-blocked');
			holds(await button(w).isHidden(), 'no button pays once more');
			// A second word of the bridge's changes nothing.
			same(await said(w, 'fail').isHidden(), true, 'no failure');
			block = false;
			await w.press(result(w));
			await w.at('return');
			await w.paid();
		},

	'Q10 Back after paying inside WeChat shows nothing that pays':
		async (w) => {
			await enter(w);
			await w.page.waitForURL(/return-page/);
			await w.at('return');
			await w.page.goBack();
			// The shop has not been told: the page knows from WeChat's word.
			await w.page.locator('main[data-page=jsapi]').waitFor();
			await w.at('jsapi', 'awaiting');
			holds(await button(w).isHidden(), 'no button pays once more');
			holds(await result(w).isVisible(), 'the link to the result');
			same(w.asked.length, 1, 'calls of the bridge');
			await w.paid();
			await w.page.goBack();
			await w.at('result', 'paid');
			same((await calls(w.order, 'unifiedorder')).length, 1, 'prepays');
		},

	'Q10 a page inside WeChat that is restored from memory is loaded anew':
		once(async (w) => {
			w.action = 'cancel';
			await enter(w);
			await said(w, 'cancel').waitFor();
			await control('pay', { out_trade_no: w.order, notice: 0 });
			await control('notice', { out_trade_no: w.order });
			await w.page.evaluate(() => dispatchEvent(
				new PageTransitionEvent('pageshow', { persisted: true })));
			await w.page.locator('main[data-page=result]').waitFor();
			await w.at('result', 'paid');
		}),
};

// What WeChat says, and what the page makes of it.  The first two have their
// cause at the stand-in, the others are said by the bridge itself.
const REFUSALS = {
	'当前页面的URL未注册': 'url',
	'支付验证签名失败': 'sign',
	'调用支付JSAPI缺少参数：total_fee': 'old',
	'该订单已支付': 'paid',
	'商家暂不支持该支付方式': 'shut',
	'下单账号与支付账号不一致，请核实后再支付': 'person',
	'调用支付JSAPI缺少参数：appId': 'fail',
	'system:access_denied': 'fail',
	'<b>& 订单已关闭': 'fail',
};
for (const [words, name] of Object.entries(REFUSALS)) {
	const langs = Object.keys(REFUSALS).indexOf(words) % 2 ? ['en'] : ['zh-CN'];
	const walk = async (w) => {
		w.answer = { err_msg: 'get_brand_wcpay_request:fail', err_desc: words };
		await enter(w);
		await said(w, name).waitFor();
		await w.at('jsapi', 'awaiting');
		same(await w.page.locator('[data-said]:visible').count(), 1, 'words');
		if (name === 'fail')
			holds((await said(w, name).innerText()).includes(words),
				'WeChat\'s own words');
		holds(await button(w).isEnabled(), 'the button');
		w.answer = null;
		await button(w).tap();
		await w.page.waitForURL(/return-page/);
		await w.paid();
	};

	walk.langs = langs;
	walks[`inside WeChat the bridge fails: ${words}`] = walk;
}

walks['inside WeChat a page of a folder that is not registered'] =
	async (w) => {
		await control('option', {
			jsapi_directories: `${setting.every_shop}/other/` });
		try {
			await enter(w);
			await said(w, 'url').waitFor();
			await w.at('jsapi');
		} finally {
			await control('option', { jsapi_directories: '' });
		}
	};

for (const [name, walk] of Object.entries(walks))
	walk.opens = { userAgent: WECHAT,
		...(/without JavaScript/.test(name)
			? { javaScriptEnabled: false } : {}) };
