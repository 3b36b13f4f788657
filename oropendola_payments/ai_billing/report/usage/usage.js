frappe.query_reports["Usage"] = {
	filters: [
		{
			fieldname: "from_date",
			label: __("From"),
			fieldtype: "Date",
			default: frappe.datetime.add_days(frappe.datetime.get_today(), -29),
		},
		{ fieldname: "to_date", label: __("To"), fieldtype: "Date", default: frappe.datetime.get_today() },
		{
			fieldname: "group_by",
			label: __("Group By"),
			fieldtype: "Select",
			options: ["Day", "Customer", "Subscription", "API Key", "Model", "Paid From"],
			default: "Day",
		},
		{ fieldname: "user", label: __("Customer"), fieldtype: "Link", options: "User" },
		{
			fieldname: "subscription",
			label: __("Subscription"),
			fieldtype: "Link",
			options: "AI Subscription",
		},
		{ fieldname: "model", label: __("Model"), fieldtype: "Data" },
		{
			fieldname: "source",
			label: __("Paid From"),
			fieldtype: "Select",
			options: ["", "Plan", "Credits"],
		},
		{ fieldname: "count_now", label: __("Count Now"), fieldtype: "Check" },
	],
};
