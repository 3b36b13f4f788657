// Copies the new API key and the example. Without JavaScript, both can be marked and copied by hand.
(() => {
	"use strict";

	if (!navigator.clipboard) return;
	for (const button of document.querySelectorAll("[data-copy]")) {
		button.hidden = false;
		button.addEventListener("click", async () => {
			const place = document.getElementById(button.dataset.copy);
			try {
				await navigator.clipboard.writeText(place.textContent);
			} catch {
				// Forbidden, as in a frame: what is marked can still be copied with the keyboard or the menu.
				return window.getSelection().selectAllChildren(place);
			}
			button.textContent = button.dataset.done;
			document.getElementById("copied").textContent = button.dataset.done;
		});
	}
})();
