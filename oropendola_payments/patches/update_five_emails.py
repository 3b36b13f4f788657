"""Five emails say it better now. What an administrator wrote stays."""

from oropendola_payments.patches.update_unedited_email_templates import replace_unedited

# Of the texts before this patch.
BEFORE = {
	"payment_failed": "b8a8cba3e39b2dd430fcf47711a0045443d429bd7d94f8adaca71fdaade323fb",
	"usage_threshold": "c4e34b7a0724d31adb2d643ee712d450dbbe4dcb80ac531365a7072f8a5e1f10",
	"payment_reminder": "73c0dc3c478951f3f825ba465e4939d3454a37acd9ec608715f8fcf06b0d85ee",
	"plan_change_scheduled": "dcea84748f932cdd9291c4bdec9e09bf8c4c066ff96de6dc72b8f73b39427821",
	"webhook_disabled": "f165a0499810fa7e8c203367bbdff52f7ce670ae6da79330e398533535e6e579",
}


def execute() -> None:
	for key, before in BEFORE.items():
		replace_unedited(key, before)
