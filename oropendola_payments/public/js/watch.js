// Asks how a payment stands, and shows the outcome when there is one. Each answer costs the site little: the gateway is asked far
// less often than the page asks.
(() => {
	"use strict";

	const place = document.getElementById("watch");
	if (!place) return;
	const FIRST_WAIT = 1;
	const WAIT = 2;
	const GIVE_UP_AFTER = 450; // a quarter of an hour
	const address = "/api/method/oropendola_payments.api.payment.get_payment_status";
	const body = JSON.stringify({
		invoice_id: place.dataset.invoice,
		attempt: place.dataset.attempt || undefined,
	});
	let tries = 0;
	const known = place.dataset.state;

	async function ask() {
		const answer = await fetch(address, {
			method: "POST",
			headers: {
				"Content-Type": "application/json",
				Accept: "application/json",
				"X-Frappe-CSRF-Token": place.dataset.token,
			},
			body,
		});
		// Logged out, or logged in anew in another tab: the page itself, loaded again, can ask.
		if ([400, 401, 403].includes(answer.status)) return "left";
		if (!answer.ok) return known;
		const { message } = await answer.json();
		const { status, error_code, in_transit } = message.attempt ?? {};
		return [message.status, status, error_code, in_transit && "in_transit"].filter(Boolean).join(" ");
	}

	async function look() {
		// A page that nobody looks at asks nobody.
		if (document.hidden) return document.addEventListener("visibilitychange", look, { once: true });
		tries += 1;
		const state = await ask().catch(() => known);
		if (state !== known) return window.location.replace(place.dataset.goal);
		if (tries >= GIVE_UP_AFTER) return stop();
		plan();
	}

	function plan() {
		setTimeout(look, (tries ? WAIT : FIRST_WAIT) * 1000);
	}

	function stop() {
		place.querySelector("[data-text]").textContent = place.dataset.late;
		place.classList.add("over");
	}

	plan();
})();
