"""Tell the owner of an endpoint by email that it fails, or was disabled."""

from oropendola_payments.ai_billing.doctype.ai_webhook_endpoint.ai_webhook_endpoint import AIWebhookEndpoint
from oropendola_payments.engine.core import after_commit as queue

SEND = "oropendola_payments.engine.notifications.webhook_mails.send"


def after_commit(key: str, endpoint: AIWebhookEndpoint) -> None:
	queue.enqueue_after_commit(SEND, queue=queue.MAILS, key=key, endpoint=endpoint.name)
