"""Replace a key. The old one stops at once, or keeps working for some hours, so that programs can be changed one by one."""

from datetime import datetime, timedelta

from frappe import _
from frappe.utils import cint, now_datetime

from oropendola_payments.ai_billing import formatting
from oropendola_payments.ai_billing.current import payment_settings
from oropendola_payments.ai_billing.doctype.ai_api_key.ai_api_key import AIAPIKey, new_api_key
from oropendola_payments.ai_billing.doctype.payment_event.payment_event import append_to_site
from oropendola_payments.engine.core.transactions import in_transaction
from oropendola_payments.engine.keys import manage, own
from oropendola_payments.engine.keys.tell import tell
from oropendola_payments.engine.subscriptions.lookup import own_subscription
from oropendola_payments.exceptions import BadRequest, Conflict


class StillReplacing(Conflict):
	"""The key before this one still works. A second click must not stop it early."""

	error_code = "rotation_in_progress"


class AmbiguousKey(Conflict):
	"""The request does not say which of several keys it means. Clients get the choices in the envelope."""

	error_code = "ambiguous_key"

	def __init__(self, message: str, choices: list[dict]) -> None:
		super().__init__(message)
		self.choices = choices


def rotate(
	user: str, subscription_id: str | None = None, key_id: str | None = None, overlap_hours: int = 0
) -> dict:
	"""Replace a key and return the new one in plain text, once. The old key works for `overlap_hours` more."""
	_require_overlap(overlap_hours)
	subscription = (
		own.subscription_of(user, key_id) if key_id else own_subscription(user, subscription_id).name
	)
	if key_id and subscription_id and subscription != subscription_id:
		raise own.no_such_key(key_id)
	return tell("replaced", in_transaction(_rotate, subscription, key_id, overlap_hours))


def longest_overlap() -> int:
	return cint(payment_settings().max_key_overlap_hours)


def _require_overlap(hours: int) -> None:
	longest = longest_overlap()
	if not 0 <= hours <= longest:
		if not longest:
			raise BadRequest(_("On this site, an API key stops working as soon as it is replaced."))
		raise BadRequest(
			_("The old API key can keep working for 0 to {0} hours. Please send another number.").format(
				longest
			)
		)


def _rotate(subscription_id: str, key_id: str | None, hours: int) -> dict:
	subscription, keys = own.lock_keys(subscription_id)
	subscription.require_keys()
	old = _key_to_replace(keys, key_id)
	before = [key for key in keys if key.status == "Retiring" and old and key.replaced_by == old.name]
	until = _end_of_overlap(old, before, hours)
	doc, key = new_api_key(subscription, revealed=True, name=old.key_name if old else None)
	if old:
		_end(old, before, doc, until)
	own.point_to_oldest(subscription, [*keys, doc])
	append_to_site(
		"api_key_replaced", doc, subscription=subscription.name, old=old.name if old else None, until=until
	)
	return {"api_key": key, **manage.about(doc), "old_key_valid_until": until}


def _key_to_replace(keys: list[AIAPIKey], key_id: str | None) -> AIAPIKey | None:
	active = own.active(keys)
	if key_id:
		return manage.named(active, key_id)
	if len(active) > 1:
		names = ", ".join(f"{own.label(key)} ({key.name})" for key in active)
		message = _("You have several API keys: {0}. Please send the key_id of one of them.")
		raise AmbiguousKey(message.format(names), [manage.about(key) for key in active])
	return active[0] if active else None


def _end_of_overlap(old: AIAPIKey | None, before: list[AIAPIKey], hours: int) -> datetime | None:
	"""Return until when the old key works; None if it stops now, as one does that nobody has seen."""
	if not hours or not old or not cint(old.revealed):
		return None
	if before:
		message = _(
			"The API key before this one still works until {0}. Please revoke it first, or replace this key without an overlap."
		)
		raise StillReplacing(message.format(formatting.moment(before[0].valid_until)))
	return now_datetime().replace(microsecond=0) + timedelta(hours=hours)


def _end(old: AIAPIKey, before: list[AIAPIKey], new: AIAPIKey, until: datetime | None) -> None:
	if until:
		old.retire(new.name, until)
		return
	# Without an overlap the key may have leaked, so the one before it stops too.
	for key in (old, *before):
		key.revoke(replaced_by=new.name)
