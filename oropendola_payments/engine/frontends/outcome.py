"""The outcome of a payment as its frontend gets it: in the address of the return, and as a message to the frame around our page."""

import hashlib
import hmac
import time
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

import frappe

from oropendola_payments.ai_billing.doctype.payment_attempt.payment_attempt import PaymentAttempt
from oropendola_payments.engine.frontends.addresses import frontend_of
from oropendola_payments.engine.frontends.secret import current_secrets

MESSAGE = "oropendola_payment"


@dataclass(frozen=True)
class FrontendReturn:
	"""Where the browser goes, and what the page around a frame is told."""

	address: str | None
	host: str
	message: dict


def return_of(attempt: PaymentAttempt) -> FrontendReturn | None:
	"""Return how a payment comes back to its frontend; None if it has none, or one that is no longer allowed."""
	frontend = frontend_of(attempt.return_origin) if attempt.return_origin else None
	if not frontend:
		return None
	ending = status_of(attempt)
	message = signed(attempt.name, ending)
	address = attempt.return_url or frontend.get(ADDRESSES[ending])
	return FrontendReturn(
		address=_with_query(address, message) if address else None,
		host=urlsplit(attempt.return_origin or "").netloc,
		message={"type": MESSAGE, **message},
	)


ADDRESSES = {"paid": "success_url", "failed": "failure_url", "pending": "pending_url"}


def status_of(attempt: PaymentAttempt) -> str:
	"""Return paid, failed or pending. Money that waits for a review is pending."""
	if attempt.status == "Paid":
		waits = frappe.db.get_value("AI Invoice", attempt.invoice, "needs_review")
		return "pending" if waits else "paid"
	return "pending" if attempt.is_open() else "failed"


def signed(attempt: str, status: str) -> dict:
	"""Return the parameters of a return. `signature` has one value for each secret that is valid now."""
	moment = int(time.time())
	text = f"{attempt}|{status}|{moment}".encode()
	signatures = [hmac.new(secret.encode(), text, hashlib.sha256).hexdigest() for secret in current_secrets()]
	return {"attempt": attempt, "status": status, "time": moment, "signature": signatures}


def _with_query(address: str, values: dict) -> str:
	parts = urlsplit(address)
	query = "&".join(filter(None, (parts.query, urlencode(values, doseq=True))))
	return parts._replace(query=query).geturl()


def frame_origin(attempt: PaymentAttempt) -> str | None:
	"""Return the origin that may show the pages of this payment in a frame, or None."""
	frontend = frontend_of(attempt.return_origin) if attempt.return_origin else None
	return attempt.return_origin if frontend and frontend.allow_frames else None
