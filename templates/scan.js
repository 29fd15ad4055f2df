/* Looks in our store for the result, and goes there when it is in. */
(function () {
	"use strict";
	var main = document.querySelector("main");
	var url = main.getAttribute("data-look");
	var began = Date.now();
	var end = began + 1000 * main.getAttribute("data-life");
	var asking = false, done = false, fails = 0, n = 0, timer;

	function later() {
		var ms = Date.now() - began < 60000 ? 2000 : 5000;

		clearTimeout(timer);
		if (!done)
			timer = setTimeout(look, Math.min(ms * Math.pow(2, fails), 60000));
	}
	function leave(how) {
		done = true;
		how();
	}
	/* A cache on the way may hold an answer of before. */
	function anew(url) {
		return url + "&n=" + began + "." + (n += 1);
	}
	function answered(r) {
		var o = null;

		asking = false;
		try {
			o = r.status === 200 ? JSON.parse(r.responseText) : null;
		} catch (ignored) {
			o = null;
		}
		fails = o ? 0 : fails + 1;
		if (done)
			return;
		if (o && o.state !== "created" && o.state !== "awaiting")
			leave(function () {
				location.replace(anew(main.getAttribute("data-result")));
			});
		else if (o && o.out_trade_no !== main.getAttribute("data-number"))
			leave(function () { location.reload(); });
		else
			later();
	}
	function look() {
		var r;

		if (asking || done || document.hidden)
			return;
		if (Date.now() >= end) {
			leave(function () { location.reload(); });
			return;
		}
		asking = true;
		r = new XMLHttpRequest();
		r.open("GET", anew(url));
		r.setRequestHeader("Accept", "application/json");
		r.timeout = 15000;
		r.onreadystatechange = function () {
			if (r.readyState === 4)
				answered(r);
		};
		r.send();
	}
	document.addEventListener("visibilitychange", look);
	window.addEventListener("pageshow", function (e) {
		if (e.persisted) {
			done = false;
			look();
		}
	});
	later();
})();
