"""How customers reach the seller: the email address, phone and help page of Payment Settings."""

from typing import NamedTuple

from oropendola_payments.ai_billing.current import payment_settings


class Way(NamedTuple):
	"""One way to reach the seller. `href` is safe to link to."""

	text: str
	href: str


def ways() -> list[Way]:
	"""Return the ways that are filled in."""
	settings = payment_settings()
	email, phone, link = (
		(settings.get(f"seller_{part}") or "").strip() for part in ("email", "phone", "link")
	)
	found = [
		Way(email, f"mailto:{email}"),
		Way(phone, "tel:" + "".join(c for c in phone if c.isdigit() or c == "+")),
		Way(link, link),
	]
	return [way for way in found if way.text]
