/* Has WeChat ask the buyer to pay, and says what came of it. */
(function () {
	"use strict";
	var main = document.querySelector("main");
	var data = JSON.parse(document.getElementById("bridge").textContent);
	var button = document.getElementById("pay");
	var timer;

	function show(name) {
		var all = document.querySelectorAll("[data-said]"), i;

		for (i = 0; i < all.length; i++)
			all[i].hidden = all[i].getAttribute("data-said") !== name;
	}
	function ready() {
		clearTimeout(timer);
		button.disabled = false;
	}
	function failed(text) {
		var all = document.querySelectorAll("[data-words]"), i;

		for (i = 0; i < all.length; i++) {
			if (text.indexOf(all[i].getAttribute("data-words")) >= 0) {
				show(all[i].getAttribute("data-said"));
				return;
			}
		}
		document.getElementById("said").textContent = text;
		show("fail");
	}
	function answered(res) {
		var msg = String(res && res.err_msg || "");

		ready();
		if (/:ok$/.test(msg)) {
			show("ok");
			location.href = main.getAttribute("data-result");
		} else if (/:cancel$/.test(msg)) {
			show("cancel");
		} else {
			failed(String(res && res.err_desc || msg));
		}
	}
	function pay() {
		if (!window.WeixinJSBridge) {
			show("bridge");
			return;
		}
		button.disabled = true;
		timer = setTimeout(ready, 10000);
		show("wait");
		window.WeixinJSBridge.invoke("getBrandWCPayRequest", data, answered);
	}
	function arrive() {
		try {
			if (history.state === "called")
				return;
			history.replaceState("called", "");
		} catch (ignored) {
			return;
		}
		pay();
	}
	button.onclick = pay;
	button.disabled = false;
	if (window.WeixinJSBridge)
		arrive();
	else
		document.addEventListener("WeixinJSBridgeReady", arrive, false);
})();
