/* Has WeChat ask the buyer to pay, and says what came of it. */
(function () {
	"use strict";
	var main = document.querySelector("main");
	var data = JSON.parse(document.getElementById("bridge").textContent);
	var button = document.getElementById("pay");
	var over = false, timer;

	/* What came of this visit of the page, kept with its place in the
	 * browser's history: "called" once, "paid" as far as WeChat says. */
	function past() {
		try {
			return history.state;
		} catch (ignored) {
			return null;
		}
	}
	function keep(what) {
		try {
			history.replaceState(what, "");
			return true;
		} catch (ignored) {
			return false;
		}
	}
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
	/* Nothing here may pay once more; the result is a link away. */
	function paid() {
		over = true;
		button.hidden = true;
		document.getElementById("other").hidden = true;
		show("ok");
	}
	function answered(res) {
		var msg = String(res && res.err_msg || "");

		if (over)
			return;
		ready();
		if (/:ok$/.test(msg)) {
			paid();
			keep("paid");
			location.href = main.getAttribute("data-result");
		} else if (/:cancel$/.test(msg)) {
			show("cancel");
		} else {
			failed(String(res && res.err_desc || msg));
		}
	}
	function pay() {
		if (over)
			return;
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
		if (past() !== "called" && keep("called"))
			pay();
	}
	window.addEventListener("pageshow", function (e) {
		if (e.persisted)
			location.reload();
	}, false);
	button.onclick = pay;
	button.disabled = false;
	if (past() === "paid")
		paid();
	else if (window.WeixinJSBridge)
		arrive();
	else
		document.addEventListener("WeixinJSBridgeReady", arrive, false);
})();
