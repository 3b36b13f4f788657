"""Payment reminders: customers stop them, managers stop those of one invoice."""

from oropendola_payments.api import endpoint, require_login, require_manager
from oropendola_payments.api.answers import billing as answers
from oropendola_payments.engine.dunning import opt_out, sending


@endpoint(methods=("POST",), guest=True, answer=answers.Reminders)
def stop_my_reminders(invoice_id: str, channel: str, token: str) -> dict:
	"""Stop payment reminders to the customer of this invoice. The token is the one of the link in our email."""
	opt_out.stop_reminders(invoice_id, channel, token)
	return {"channel": channel, "reminders": False}


@endpoint(methods=("POST",), answer=answers.Reminders)
def set_my_reminders(channel: str, enabled: bool) -> dict:
	"""Switch payment reminders to the user on or off."""
	return opt_out.set_reminders(require_login(), channel, enabled)


@endpoint(methods=("POST",), source="Desk", answer=answers.StoppedReminders)
def stop_planned_reminders(invoice_id: str) -> dict:
	"""Stop the reminders of an invoice that were not sent yet."""
	require_manager()
	return sending.stop_by_hand(invoice_id)
