"""Postings: what other apps on this site have to book or to be told."""

from oropendola_payments.api import endpoint, require_manager
from oropendola_payments.api.answers import managers as answers
from oropendola_payments.engine.core import after_commit
from oropendola_payments.integrations.outbox import run


@endpoint(methods=("POST",), source="Desk", answer=answers.Posting)
def retry(posting: str) -> dict:
	"""Let a posting that needs attention be posted again, in the background."""
	require_manager()
	doc = run.retry(posting)
	after_commit.enqueue("oropendola_payments.integrations.dispatch.post_again", posting=doc.name)
	return {"posting": doc.name, "status": doc.status}


@endpoint(methods=("POST",), source="Desk", answer=answers.Posting)
def close(posting: str, note: str) -> dict:
	"""Close a posting that was booked by hand, or will not be booked."""
	require_manager()
	doc = run.close(posting, note)
	return {"posting": doc.name, "status": doc.status}
