// Goes on to the gateway by itself, but never when the customer came back here on purpose.
(() => {
	"use strict";

	const cameBack = performance.getEntriesByType("navigation")[0]?.type === "back_forward";
	const way = document.querySelector("[data-leaves]");
	const moving = document.getElementById("moving");

	function leave() {
		if (moving) moving.hidden = false;
		if (way.tagName === "FORM") way.requestSubmit();
		else window.location.replace(way.href);
	}

	if (way && !cameBack) leave();
	window.addEventListener("pageshow", (event) => {
		if (event.persisted && moving) moving.hidden = true;
	});

	// Gateways' scripts: the page loads the script, and the driver of the gateway starts it.
	const place = document.getElementById("sdk");
	if (!place) return;
	const button = document.getElementById("sdk-open");
	const closed = document.getElementById("sdk-closed");
	const problem = document.getElementById("sdk-problem");
	const other = document.getElementById("sdk-other");
	const config = JSON.parse(document.getElementById("sdk-config").textContent);
	const result = document.querySelector("[data-result]").dataset.result;

	const page = {
		config,
		place,
		// The gateway says that it is over. Whether money moved only the server can find out.
		finished: () => window.location.assign(result),
		closed() {
			moving.hidden = true;
			closed.hidden = false;
			button.hidden = false;
			button.focus();
		},
		failed() {
			moving.hidden = true;
			problem.hidden = false;
			button.hidden = false;
			if (other) other.hidden = false;
		},
		// What a gateway hands to the page is posted to the server, which checks its signature. The log-in goes along,
		// because it is our own page that posts, and so must the token that proves it.
		post(address, answer) {
			const own = new URL(address, window.location).origin === window.location.origin;
			const token = document.querySelector("[name=csrf_token]").value;
			const fields = own ? { ...answer, csrf_token: token } : answer;
			const form = document.createElement("form");
			form.method = "post";
			form.action = address;
			for (const [name, value] of Object.entries(fields)) {
				const input = document.createElement("input");
				Object.assign(input, { type: "hidden", name, value });
				form.append(input);
			}
			document.body.append(form);
			form.submit();
		},
	};

	function load() {
		return new Promise((resolve, reject) => {
			if (load.done) return resolve();
			const script = document.createElement("script");
			script.src = place.dataset.script;
			script.nonce = place.dataset.nonce;
			script.onload = () => resolve((load.done = true));
			script.onerror = () => reject(new Error("The script could not be loaded."));
			document.head.append(script);
		});
	}

	async function open() {
		for (const part of [closed, problem, button]) part.hidden = true;
		moving.hidden = false;
		try {
			await load();
			await window.paymentDrivers[place.dataset.driver](page);
		} catch {
			page.failed();
		}
	}

	button.addEventListener("click", open);
	window.addEventListener("pageshow", (event) => event.persisted && page.closed());
	document.addEventListener("DOMContentLoaded", () => (cameBack ? page.closed() : open()));
})();
