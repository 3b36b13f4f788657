"""The email about a changed API key says more now. What an administrator wrote stays."""

from oropendola_payments.patches.update_unedited_email_templates import replace_unedited

KEY = "api_key_changed"
# Of the text between release 0.1.0, which another patch replaces, and this one.
BEFORE = "982408c46e0d9ff67667faff60310cc45e6ff20aac1a84cc2be89e64a325a90e"


def execute() -> None:
	replace_unedited(KEY, BEFORE)
