// Tells the frontend around this page how the payment ended, or goes back to the frontend. The target origin is one that the
// seller allowed, so no other page can read the message.
(() => {
	"use strict";

	const place = document.getElementById("return");
	if (!place) return;
	const { frame, message } = place.dataset;
	if (window.top !== window.self) {
		if (!frame) return;
		for (const target of new Set([window.parent, window.top]))
			target.postMessage(JSON.parse(message), frame);
		return;
	}
	const way = place.querySelector("a");
	if (way) window.location.replace(way.href);
})();
