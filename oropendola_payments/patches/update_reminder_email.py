"""The reminder of a payment that was given back does not say that nothing was charged. What an administrator wrote stays."""

from oropendola_payments.patches.update_unedited_email_templates import replace_unedited

KEY = "payment_reminder"
BEFORE = "f640d6e187562cc86fa132f19182fd982367290640619490ecd9cc86093b6bba"


def execute() -> None:
	replace_unedited(KEY, BEFORE)
