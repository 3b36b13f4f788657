"""The email about a disabled webhook endpoint says more now. What an administrator wrote stays."""

from oropendola_payments.patches.update_unedited_email_templates import replace_unedited

KEY = "webhook_disabled"
BEFORE = "b23ef5fa30b1b31d59c4a503f044ea4a9c2b8c329bddeb6bc7488acb0a2e112d"


def execute() -> None:
	replace_unedited(KEY, BEFORE)
