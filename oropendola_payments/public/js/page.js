// What all customer pages share: one click is one order, and a problem is where the eyes and the screen reader go.
(() => {
	"use strict";

	const contents = new WeakMap(); // of the buttons that say "One moment": icons and words for screen readers too

	function hold(event) {
		const button = event.submitter;
		if (!button || event.defaultPrevented) return;
		if (button.dataset.held) return event.preventDefault();
		button.dataset.held = "1";
		button.setAttribute("aria-disabled", "true");
		if (button.dataset.busy) {
			contents.set(button, [...button.childNodes]);
			button.textContent = button.dataset.busy;
		}
	}

	function release() {
		document.querySelectorAll("[data-held]").forEach((button) => {
			delete button.dataset.held;
			button.removeAttribute("aria-disabled");
			if (contents.has(button)) button.replaceChildren(...contents.get(button));
		});
	}

	document.addEventListener("submit", hold);
	// The page comes back as it was left when the customer goes back.
	window.addEventListener("pageshow", (event) => event.persisted && release());

	const problem = document.querySelector("[aria-invalid]") ?? document.getElementById("problem");
	if (problem) {
		if (problem.id === "problem") problem.tabIndex = -1;
		problem.focus();
	}
})();
