"""The email about an abandoned payment asks nobody to pay again during a review. What an administrator wrote stays."""

from oropendola_payments.patches.update_unedited_email_templates import replace_unedited

KEY = "payment_abandoned"
BEFORE = "e5196e5a78925163c2626248b7f7068470e84e611eaa13ac127df557cfd78457"


def execute() -> None:
	replace_unedited(KEY, BEFORE)
