// A buyer's whole walk by H5, in both languages on a phone.
import { WECHAT, calls, control, holds, lastReferer, same, setting,
} from './walk.mjs';

// --- the walks ---------------------------------------------------------------

export const walks = {
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
