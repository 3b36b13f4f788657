"""A provider's script that pays inside the merchant's page: the pay page in a frame, which tells the script how it ended."""

import json
from collections.abc import Mapping

from markupsafe import Markup

from oropendola_payments.simulator.core import pages

FIELD = "simulator_overlay"
# `overlay(address, fields, told)` for the stand-ins of the providers' scripts.
SCRIPT = """
	function overlay(address, fields, told) {
		var frame = document.createElement("iframe");
		frame.name = "simulator-overlay";
		frame.title = "Payment window";
		frame.style.cssText = "position:fixed;inset:0;width:100%;height:100%;border:0;background:#fff;z-index:9999";
		document.body.appendChild(frame);
		window.addEventListener("message", function hear(event) {
			if (event.source !== frame.contentWindow) return;
			window.removeEventListener("message", hear);
			frame.remove();
			told(event.data);
		});
		fields.simulator_overlay = "1";
		post(address, fields, frame.name);
	}
	function post(address, fields, target) {
		var form = document.createElement("form");
		form.method = "post";
		form.action = address;
		form.target = target || "";
		Object.keys(fields).forEach(function (name) {
			var input = document.createElement("input");
			input.type = "hidden";
			input.name = name;
			input.value = fields[name];
			form.appendChild(input);
		});
		document.body.appendChild(form);
		form.submit();
		form.remove();
	}
"""


def told_page(provider: str, fields: Mapping[str, str]) -> str:
	"""Ends the frame: the script beside it hears what the provider would post."""
	words = json.dumps(dict(fields)).replace("<", "\\u003c")
	script = Markup("<script>parent.postMessage({}, '*')</script>").format(Markup(words))
	return pages.layout(provider, "Returning to the shop", script)
