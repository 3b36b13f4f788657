"""The window of a gateway's script inside a page of ours."""

from oropendola_payments.ai_billing.known_gateways import adapter_class
from oropendola_payments.web import policy, shell

DRIVERS = ("bolt", "razorpay", "stripe", "cashfree", "phonepe")


def prepare(context, page, attempt, data: dict) -> bool:
	"""Let the page load the script of the attempt's gateway. Return False if the page has no driver for it."""
	sdk = data["sdk"]
	if sdk["driver"] not in DRIVERS:
		return False
	hosts = adapter_class(attempt.gateway).capabilities.browser_hosts
	shell.set_policy(policy.runs_script(shell.current_policy(), hosts, sdk["script"]))
	context.update({"sdk": sdk, "form": data.get("form"), "link": data.get("url")})
	for name in ("pay", f"pay-{sdk['driver']}"):
		shell.add_script(page, name)
	return True
