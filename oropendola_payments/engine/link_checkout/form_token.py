"""The token of the form on a link's page: whatever only fetches addresses, such as a mail scanner, has none."""

import time

from oropendola_payments.engine.core.signing import is_signed, sign

PURPOSE = "payment link form"
SECONDS = 2 * 3600


def make(link: str) -> str:
	ends = int(time.time()) + SECONDS
	return f"{ends}.{sign(PURPOSE, link, ends)}"


def is_valid(token: str, link: str) -> bool:
	ends, _dot, signature = token.partition(".")
	return ends.isdecimal() and int(ends[:12]) >= time.time() and is_signed(signature, PURPOSE, link, ends)
