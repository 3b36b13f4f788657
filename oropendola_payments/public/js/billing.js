// Copies the new API key and the example. Without JavaScript, both can be marked and copied by hand.
(() => {
	"use strict";

	if (!navigator.clipboard) return;
	for (const button of document.querySelectorAll("[data-copy]")) {
		button.hidden = false;
		button.addEventListener("click", async () => {
			await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent);
			button.textContent = button.dataset.done;
			document.getElementById("copied").textContent = button.dataset.done;
		});
	}
})();
