frappe.query_reports["Subscriptions and MRR"] = {
	filters: [
		{ fieldname: "plan", label: __("Plan"), fieldtype: "Link", options: "AI Plan" },
		{ fieldname: "currency", label: __("Currency"), fieldtype: "Link", options: "Currency" },
		{ fieldname: "count_now", label: __("Count Now"), fieldtype: "Check" },
	],
};
