// Copies the new API key. Without JavaScript, it can be marked and copied by hand.
(() => {
	"use strict";

	const button = document.querySelector("[data-copy]");
	if (!button || !navigator.clipboard) return;
	const key = document.getElementById(button.dataset.copy);
	button.hidden = false;
	button.addEventListener("click", async () => {
		await navigator.clipboard.writeText(key.textContent);
		button.textContent = button.dataset.done;
		document.getElementById("copied").textContent = button.dataset.done;
	});
})();
