"""Embedded checkout: a provider's script shows the pay page in a frame, and the last page tells the script the result."""

import json
from collections.abc import Mapping

from markupsafe import Markup

from oropendola_payments.simulator.core import pages

FIELD = "simulator_embedded"
# Defines `openFrame(address, fields, done)` and `post(address, fields)` for the stand-ins of the providers' scripts.
SCRIPT = """
	function openFrame(address, fields, done) {
		var frame = document.createElement("iframe");
		frame.name = "simulator-checkout";
		frame.title = "Payment window";
		frame.style.cssText = "position:fixed;inset:0;width:100%;height:100%;border:0;background:#fff;z-index:9999";
		document.body.appendChild(frame);
		window.addEventListener("message", function onMessage(event) {
			if (event.source !== frame.contentWindow) return;
			window.removeEventListener("message", onMessage);
			frame.remove();
			done(event.data);
		});
		fields.simulator_embedded = "1";
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


def result_page(provider: str, fields: Mapping[str, str]) -> str:
	"""The last page in the frame: it passes what the provider would post to the script around it."""
	result = json.dumps(dict(fields)).replace("<", "\\u003c")
	script = Markup("<script>parent.postMessage({}, '*')</script>").format(Markup(result))
	return pages.layout(provider, "Returning to the shop", script)
