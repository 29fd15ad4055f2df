// Runs in the page: the amounts that stand on two lines or leave their line.
export function brokenNumbers() {
	const found = [];
	const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
	while (walk.nextNode()) {
		const text = walk.currentNode;
		for (const m of text.data.matchAll(/[0-9][0-9,]*\.[0-9]{2}(?![0-9.])/g)) {
			const range = document.createRange();
			range.setStart(text, m.index);
			range.setEnd(text, m.index + m[0].length);
			const lines = new Set([...range.getClientRects()]
				.map((r) => Math.round(r.top)));
			if (lines.size > 1)
				found.push(`${m[0]} stands on ${lines.size} lines`);
		}
	}
	for (const el of document.querySelectorAll('.amount')) {
		const box = el.getBoundingClientRect();
		if (el.scrollWidth > Math.ceil(box.width))
			found.push(`the amount is ${el.scrollWidth} wide in ${box.width}`);
	}
	return found;
}
