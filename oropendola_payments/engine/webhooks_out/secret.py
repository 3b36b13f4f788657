"""The secrets of an endpoint. They are stored encrypted, and shown once."""

from datetime import timedelta

from frappe.utils import now_datetime
from frappe.utils.password import delete_all_passwords_for, get_decrypted_password, set_encrypted_password

from oropendola_payments.ai_billing.doctype.ai_webhook_endpoint.ai_webhook_endpoint import AIWebhookEndpoint
from oropendola_payments.engine.webhooks_out import signing

NEW, BEFORE = "secret", "secret_before"


def rotate(endpoint: AIWebhookEndpoint, overlap_hours: int) -> str:
	"""Store and return a new secret. The one before signs too for `overlap_hours`, so that receivers can be changed in between."""
	secret, before, now = signing.new_secret(), _read(endpoint.name, NEW), now_datetime()
	if before and overlap_hours:
		set_encrypted_password(endpoint.doctype, endpoint.name, before, BEFORE)
	set_encrypted_password(endpoint.doctype, endpoint.name, secret, NEW)
	until = now + timedelta(hours=overlap_hours) if before and overlap_hours else None
	endpoint.write(secret_made_on=now, secret_before_until=until)
	return secret


def current_secrets(endpoint: AIWebhookEndpoint) -> list[str]:
	"""Return the secrets that sign now, the newest first."""
	fields = (NEW, BEFORE) if endpoint.overlaps() else (NEW,)
	return [secret for field in fields if (secret := _read(endpoint.name, field))]


def forget(endpoint: str) -> None:
	delete_all_passwords_for("AI Webhook Endpoint", endpoint)


def _read(endpoint: str, field: str) -> str | None:
	return get_decrypted_password("AI Webhook Endpoint", endpoint, field, raise_exception=False)
