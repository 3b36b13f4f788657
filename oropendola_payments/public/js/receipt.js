// The print button only makes sense where it can work.
(() => {
	"use strict";

	const button = document.getElementById("print");
	if (!button) return;
	button.hidden = false;
	button.addEventListener("click", () => window.print());
})();
