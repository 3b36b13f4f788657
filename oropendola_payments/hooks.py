app_name = "oropendola_payments"
app_title = "Oropendola Payments"
app_publisher = "Oropendola"
app_description = "Sells access to AI services by subscription and accepts payments through seven gateways and by bank transfer"
app_email = "payments@oropendola.example"
app_license = "MIT"

after_install = "oropendola_payments.install.after_install"
after_migrate = ["oropendola_payments.install.after_migrate"]
after_app_install = "oropendola_payments.integrations.dispatch.app_installed"
before_uninstall = "oropendola_payments.install.before_uninstall"

DESK_SCRIPT = "public/js/payments_desk.js"
doctype_js = dict.fromkeys(
	(
		*("AI API Key", "AI Agent Proposal", "AI Billing Profile", "AI Credit Grant", "AI Invoice"),
		*("AI Payment Link", "AI Plan Change", "AI Subscription", "AI Tax Document"),
		*("Payment Attempt", "Payment Posting", "Payment Refund"),
		*("Payment Gateway Settings", "Payment Settings", "Payment Webhook Log"),
		*("Payment Payout", "Payment Payout Difference"),
		*("AI Webhook Endpoint", "AI Webhook Delivery"),
	),
	DESK_SCRIPT,
)
doctype_list_js = {
	"AI Credit Grant": DESK_SCRIPT,
	"AI Tax Rule": DESK_SCRIPT,
	"Payment Payout": DESK_SCRIPT,
	"AI Webhook Endpoint": DESK_SCRIPT,
	"Payment Webhook Log": DESK_SCRIPT,
}

PERMISSIONS = "oropendola_payments.ai_billing.permissions"

# The same rule for lists and single records: customers see only their own.
permission_query_conditions = {
	"Tag Link": f"{PERMISSIONS}.tag_link_conditions",
	"AI Subscription": f"{PERMISSIONS}.subscription_conditions",
	"AI API Key": f"{PERMISSIONS}.api_key_conditions",
	"AI Invoice": f"{PERMISSIONS}.invoice_conditions",
	"Payment Attempt": f"{PERMISSIONS}.attempt_conditions",
	"AI Tax Document": f"{PERMISSIONS}.document_conditions",
	"AI Billing Profile": f"{PERMISSIONS}.profile_conditions",
	"AI Payment Link": f"{PERMISSIONS}.payment_link_conditions",
	"AI Plan Change": f"{PERMISSIONS}.plan_change_conditions",
	"AI Webhook Endpoint": f"{PERMISSIONS}.webhook_endpoint_conditions",
	"AI Webhook Delivery": f"{PERMISSIONS}.webhook_delivery_conditions",
	"AI Webhook Event": f"{PERMISSIONS}.webhook_event_conditions",
	"AI Credit Grant": f"{PERMISSIONS}.credit_grant_conditions",
	"AI Credit Entry": f"{PERMISSIONS}.credit_entry_conditions",
	# Rows inside these records, which Frappe lists by themselves too.
	"AI Invoice Part": f"{PERMISSIONS}.row_conditions",
	"AI Invoice Tax": f"{PERMISSIONS}.row_conditions",
	"AI Plan Change Line": f"{PERMISSIONS}.row_conditions",
	"AI Subscription Pause": f"{PERMISSIONS}.row_conditions",
	"AI Tax Document Line": f"{PERMISSIONS}.row_conditions",
	"AI Webhook Attempt": f"{PERMISSIONS}.row_conditions",
}
has_permission = {
	"Tag Link": f"{PERMISSIONS}.has_tag_link_permission",
	"AI Subscription": f"{PERMISSIONS}.has_permission",
	"AI API Key": f"{PERMISSIONS}.has_permission",
	"AI Invoice": f"{PERMISSIONS}.has_permission",
	"Payment Attempt": f"{PERMISSIONS}.has_permission",
	"AI Tax Document": f"{PERMISSIONS}.has_permission",
	"AI Billing Profile": f"{PERMISSIONS}.has_permission",
	"AI Payment Link": f"{PERMISSIONS}.has_permission",
	"AI Plan Change": f"{PERMISSIONS}.has_permission",
	"AI Webhook Endpoint": f"{PERMISSIONS}.has_permission",
	"AI Webhook Delivery": f"{PERMISSIONS}.has_permission",
	"AI Webhook Event": f"{PERMISSIONS}.has_webhook_event_permission",
	"AI Credit Grant": f"{PERMISSIONS}.has_permission",
	"AI Credit Entry": f"{PERMISSIONS}.has_permission",
}

before_request = [
	"oropendola_payments.api.own_paths.read_request",
	"oropendola_payments.overrides.refuse_conditions_as_names",
]

# The Content-Security-Policy of customer pages, a redirect for returns refused by the CSRF check, and refusals by the framework on our
# own paths. Other answers are unchanged.
after_request = [
	"oropendola_payments.web.policy.set_headers",
	"oropendola_payments.api.callbacks.redirect_csrf_failure",
	"oropendola_payments.api.rate_headers.set_headers",
	"oropendola_payments.api.proxies.set_headers",
	"oropendola_payments.api.mcp.finish",
	"oropendola_payments.api.own_paths.refuse_unreadable",
]
page_renderer = ["oropendola_payments.api.oauth_metadata.OAuthMetadata"]
website_route_rules = [{"from_route": "/p/<token>", "to_route": "payment-link"}]
standard_portal_menu_items = [{"title": "Billing", "route": "/billing"}]

# Frappe answers these without asking who may read which record, or calls another of them by its name.
OVERRIDES = "oropendola_payments.overrides"
TIMELINE = "oropendola_payments.timeline_overrides"
override_whitelisted_methods = {
	"frappe.client.get": f"{OVERRIDES}.get",
	"frappe.client.get_count": f"{OVERRIDES}.get_count",
	"frappe.desk.doctype.dashboard_chart.dashboard_chart.get": f"{OVERRIDES}.get_chart",
	"frappe.desk.form.utils.get_next": f"{OVERRIDES}.get_next",
	"frappe.desk.listview.get_group_by_count": f"{OVERRIDES}.get_group_by_count",
	"frappe.desk.search.search_link": f"{OVERRIDES}.search_link",
	"frappe.desk.search.search_widget": f"{OVERRIDES}.search_widget",
	"frappe.desk.treeview.get_all_nodes": f"{OVERRIDES}.get_all_nodes",
	"frappe.model.mapper.map_docs": f"{OVERRIDES}.map_docs",
	"frappe.utils.goal.get_monthly_goal_graph_data": f"{OVERRIDES}.get_monthly_goal_graph_data",
	"frappe.desk.doctype.tag.tag.add_tag": f"{TIMELINE}.add_tag",
	"frappe.desk.doctype.tag.tag.add_tags": f"{TIMELINE}.add_tags",
	"frappe.desk.doctype.tag.tag.get_tagged_docs": f"{TIMELINE}.get_tagged_docs",
	"frappe.desk.doctype.tag.tag.remove_tag": f"{TIMELINE}.remove_tag",
	"frappe.desk.form.assign_to.add": f"{TIMELINE}.add_assignment",
	"frappe.desk.form.assign_to.add_multiple": f"{TIMELINE}.add_assignments",
	"frappe.desk.form.assign_to.remove": f"{TIMELINE}.remove_assignment",
	"frappe.desk.form.assign_to.remove_multiple": f"{TIMELINE}.remove_assignments",
	"frappe.desk.form.document_follow.get_follow_users": f"{TIMELINE}.get_follow_users",
	"frappe.desk.form.document_follow.unfollow_document": f"{TIMELINE}.unfollow_document",
	"frappe.desk.form.load.get_communications": f"{TIMELINE}.get_communications",
	"frappe.desk.form.load.get_docinfo": f"{TIMELINE}.get_docinfo",
	"frappe.desk.form.load.getdoc": f"{TIMELINE}.getdoc",
	"frappe.desk.form.utils.add_comment": f"{TIMELINE}.add_comment",
	"frappe.desk.like.toggle_like": f"{TIMELINE}.toggle_like",
	"frappe.templates.includes.comments.comments.add_comment": f"{TIMELINE}.add_website_comment",
}

SWEEPS = "oropendola_payments.engine.jobs.payment_jobs"
SUBSCRIPTIONS = "oropendola_payments.engine.jobs.subscription_jobs"
CREDITS = "oropendola_payments.engine.jobs.credit_jobs"
PARTS = "oropendola_payments.engine.jobs.part_jobs"
PLAN_CHANGES = "oropendola_payments.engine.jobs.plan_change_jobs"
DOCUMENTS = "oropendola_payments.engine.jobs.document_jobs"
PAYOUTS = "oropendola_payments.engine.jobs.payout_jobs"
USAGE = "oropendola_payments.engine.jobs.usage_jobs"
REPORTS = "oropendola_payments.engine.jobs.report_jobs"
OTHER_APPS = "oropendola_payments.integrations.dispatch"
WEBHOOKS = "oropendola_payments.engine.jobs.webhook_jobs"

# Called after the commit of a transaction that stored webhook events.
payments_outbox_filled = ["oropendola_payments.engine.webhooks_out.relay.wake"]

PROPOSALS = "oropendola_payments.engine.jobs.proposal_jobs"

# These only enqueue background jobs, because a cron job itself has 300 seconds.
scheduler_events = {
	"cron": {
		"* * * * *": [f"{SWEEPS}.reconcile_attempts", f"{WEBHOOKS}.send_webhooks"],
		"*/2 * * * *": [f"{SWEEPS}.process_inbox", f"{SWEEPS}.poll_refunds", f"{USAGE}.send_usage_alerts"],
		"*/10 * * * *": [
			f"{SWEEPS}.sum_up_days",
			f"{SWEEPS}.check_alerts",
			f"{SUBSCRIPTIONS}.send_payment_reminders",
			f"{PLAN_CHANGES}.settle_plan_changes",
		],
		"*/5 * * * *": [
			f"{SWEEPS}.count_successes",
			f"{SWEEPS}.tell_untold",
			f"{DOCUMENTS}.issue_documents",
			f"{OTHER_APPS}.post_postings",
			f"{USAGE}.sum_up_usage",
		],
		"*/30 * * * *": [f"{SWEEPS}.check_abandoned_payments"],
		"5 * * * *": [f"{SWEEPS}.check_invariants", f"{SUBSCRIPTIONS}.expire_subscriptions"],
		"30 5 * * *": [f"{PAYOUTS}.fetch_payouts"],
		# Late in the day, so that the usage of the day can be compared.
		"30 23 * * *": [f"{SWEEPS}.check_all_invariants"],
		"20 * * * *": [f"{SUBSCRIPTIONS}.retire_api_keys", f"{PROPOSALS}.expire_proposals"],
		"35 * * * *": [f"{CREDITS}.give_back_held_credits"],
		"1 0 * * *": [f"{SUBSCRIPTIONS}.reset_quotas"],
		"10 0 * * *": [f"{CREDITS}.expire_credits"],
		"15 0 * * *": [f"{SUBSCRIPTIONS}.release_unpaid_coupons"],
		"25 0 * * *": [f"{REPORTS}.keep_reports"],
		"0 9 * * *": [
			f"{SUBSCRIPTIONS}.send_renewal_reminders",
			f"{PARTS}.send_part_reminders",
			f"{CREDITS}.send_expiry_reminders",
		],
	},
	"daily_long": [
		f"{SWEEPS}.clear_raw_payloads",
		f"{PARTS}.close_unfinished_invoices",
		f"{USAGE}.clear_usage_entries",
	],
}

# Saving any user clears the cache except for these keys: tokens, input of two-step payments, receipts to send, heartbeats and
# counters. Other cached values can be read again. What must survive an emptied Redis too is in the database.
persistent_cache_keys = [
	"oropendola_alive",
	"oropendola_checked",
	"oropendola_gathered",
	"oropendola_gateway_failures",
	"oropendola_otp",
	"oropendola_page_note",
	"oropendola_rejected",
	"oropendola_routing",
	"oropendola_success",
	"oropendola_token",
	"oropendola_two_step",
]

PRIVACY = "oropendola_payments.engine.privacy"

# Frappe's data export includes these records. Its deletion redacts these fields and renames the user, links included; the hook
# on the rename does the rest. Every entry needs `redact_fields`: otherwise Frappe replaces the user's name in all text fields of
# a record, also in hashes and payment ids.
user_data_fields = [
	{"doctype": "AI Subscription", "filter_by": "user", "redact_fields": ["last_reminder", "cancel_note"]},
	{"doctype": "AI Usage Day", "filter_by": "user", "redact_fields": ["model"]},
	{"doctype": "AI Usage Alert", "filter_by": "user", "redact_fields": ["limit_name"]},
	{"doctype": "AI API Key", "filter_by": "user", "redact_fields": ["key_prefix", "key_name"]},
	{"doctype": "AI Invoice", "filter_by": "user", "redact_fields": ["description"]},
	{"doctype": "AI Invoice Part", "filter_by": "user", "redact_fields": ["last_reminder"]},
	{"doctype": "AI Plan Change", "filter_by": "user", "redact_fields": ["note"]},
	{"doctype": "AI Agent Proposal", "filter_by": "user", "redact_fields": ["summary", "reason", "outcome"]},
	{"doctype": "AI Trial Claim", "filter_by": "user", "redact_fields": ["hint"]},
	{"doctype": "AI Credit Grant", "filter_by": "user", "redact_fields": ["note"]},
	{"doctype": "AI Credit Entry", "filter_by": "user", "redact_fields": ["note"]},
	{"doctype": "AI Coupon Redemption", "filter_by": "user", "redact_fields": ["release_reason"]},
	{"doctype": "Payment Attempt", "filter_by": "user", "redact_fields": ["request_data"]},
	{"doctype": "AI Payment Link", "filter_by": "user", "redact_fields": ["note"]},
	{"doctype": "Payment Capture", "filter_by": "user", "redact_fields": ["note"]},
	{"doctype": "Payment Refund", "filter_by": "user", "redact_fields": ["reason"]},
	{"doctype": "Payment Posting", "filter_by": "user", "redact_fields": ["note"]},
	{
		"doctype": "AI Billing Profile",
		"filter_by": "user",
		"redact_fields": [
			*("legal_name", "billing_email", "po_reference", "tax_id", "tax_id_check_reference"),
			*("address_line1", "address_line2", "city", "pincode", "state"),
		],
	},
	{"doctype": "AI Payment Reminder", "filter_by": "user", "redact_fields": ["stop_reason"]},
	{"doctype": "AI Reminder Opt Out", "filter_by": "user", "redact_fields": ["channel"]},
	{"doctype": "AI Webhook Endpoint", "filter_by": "user", "redact_fields": ["description", "last_error"]},
	{"doctype": "AI Webhook Event", "filter_by": "user", "redact_fields": ["data"]},
	{"doctype": "AI Webhook Delivery", "filter_by": "user", "redact_fields": ["last_error"]},
	# Tax law keeps the document itself, with the name and address of the buyer.
	{"doctype": "AI Tax Document", "filter_by": "user", "redact_fields": ["mailed_to"]},
	{"doctype": "Payment Event", "filter_by": "actor", "redact_fields": ["ip_address", "person_salt"]},
]

TAX = "oropendola_payments.engine.tax"
FORMS = "oropendola_payments.api.form_actions"
GATEWAY = "oropendola_payments.engine.gateway"
CHANGED = "oropendola_payments.ai_billing.current.changed"

# DocTypes import neither the engine nor the API, so their handlers are registered here.
doc_events = {
	"User": {
		"before_rename": f"{TAX}.forget.before_user_renamed",
		"after_rename": f"{PRIVACY}.user_renamed",
	},
	"AI Credit Grant": {"onload": f"{FORMS}.credit_grant_loaded"},
	"AI Coupon": {"onload": f"{FORMS}.coupon_loaded"},
	"AI Invoice": {"onload": f"{FORMS}.invoice_loaded", "before_insert": f"{TAX}.reprice.fill_in"},
	"AI Billing Profile": {
		"onload": f"{FORMS}.profile_loaded",
		"on_update": f"{TAX}.reprice.profile_saved",
	},
	"AI Tax Registration": {"on_change": CHANGED, "on_trash": CHANGED},
	"AI Tax Rule": {"on_change": CHANGED, "on_trash": CHANGED},
	"AI Subscription": {"onload": f"{FORMS}.subscription_loaded"},
	"AI API Key": {"onload": f"{FORMS}.key_loaded"},
	"Payment Attempt": {"onload": f"{FORMS}.attempt_loaded"},
	"AI Payment Link": {"onload": f"{FORMS}.link_loaded"},
	"AI Tax Document": {"onload": f"{FORMS}.document_loaded"},
	"File": {
		"validate": "oropendola_payments.engine.documents.rendering.refuse_change_of_file",
		"on_trash": "oropendola_payments.engine.documents.rendering.refuse_change_of_file",
	},
	"Payment Refund": {"onload": f"{FORMS}.refund_loaded"},
	"Payment Payout": {"onload": f"{FORMS}.payout_loaded"},
	"Payment Payout Difference": {"onload": f"{FORMS}.difference_loaded"},
	"AI Plan Change": {"onload": f"{FORMS}.plan_change_loaded"},
	"AI Agent Proposal": {"onload": f"{FORMS}.proposal_loaded"},
	"Payment Webhook Log": {"onload": f"{FORMS}.webhook_log_loaded"},
	"OAuth Client": {"before_insert": "oropendola_payments.mcp.registration.before_insert"},
	"AI Webhook Endpoint": {"onload": f"{FORMS}.webhook_endpoint_loaded"},
	"AI Webhook Delivery": {"onload": f"{FORMS}.webhook_delivery_loaded"},
	"AI Plan": {
		"on_update": "oropendola_payments.engine.entitlements.bought_share.plan_saved",
		"on_change": CHANGED,
		"on_trash": CHANGED,
	},
	"AI Credit Pack": {"onload": f"{FORMS}.credit_pack_loaded", "on_change": CHANGED, "on_trash": CHANGED},
	"Payment Settings": {
		"onload": f"{FORMS}.settings_loaded",
		"validate": f"{OTHER_APPS}.settings_validated",
		"on_update": f"{OTHER_APPS}.settings_saved",
		"on_change": CHANGED,
	},
	"Payment Gateway Settings": {
		"validate": f"{OTHER_APPS}.gateway_validated",
		"on_update": [f"{GATEWAY}.settings_changed.settings_saved", f"{OTHER_APPS}.gateway_saved"],
		"on_change": CHANGED,
		"on_trash": CHANGED,
		"check_connection": f"{GATEWAY}.call.check_connection",
		"payment_url": f"{OTHER_APPS}.payment_url",
	},
	"Payment Posting": {"onload": f"{FORMS}.posting_loaded"},
	# Of ERPNext. Without it, nobody calls these.
	"Payment Request": {
		"before_cancel": f"{OTHER_APPS}.request_cancelling",
		"on_cancel": f"{OTHER_APPS}.request_cancelled",
	},
	"Company": {"after_insert": f"{OTHER_APPS}.company_added"},
	"Payment Entry": {
		"on_submit": f"{OTHER_APPS}.payment_entry_changed",
		"on_cancel": f"{OTHER_APPS}.payment_entry_changed",
	},
}

# As an app of its own would name them: other apps on this site learn of payments and refunds.
payment_succeeded = [f"{OTHER_APPS}.payment_succeeded"]
payment_refunded = [f"{OTHER_APPS}.payment_refunded"]
payment_invoice_closed = [f"{OTHER_APPS}.invoice_closed"]
payment_payout_recorded = [f"{OTHER_APPS}.payout_recorded"]
# The books of an app, used where the app is installed. Loaded when something is booked, not before.
payment_books = {"erpnext": "oropendola_payments.integrations.erpnext.books.ERPNextBooks"}

# Log Settings may clear old payloads and delete closed alerts. It never deletes a message.
default_log_clearing_doctypes = {
	"Payment Webhook Log": 180,
	"Payment Alert": 180,
	"AI Usage Alert": 180,
	"AI Usage Lease": 30,
	"AI Webhook Delivery": 90,
	"AI Webhook Event": 90,
}
