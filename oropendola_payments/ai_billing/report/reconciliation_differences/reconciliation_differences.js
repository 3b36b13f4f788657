frappe.query_reports["Reconciliation Differences"] = {
	filters: [
		{
			fieldname: "kind",
			label: __("Kind"),
			fieldtype: "Select",
			options: ["", "Review", "Money", "Sum", "Refund", "Pending"],
		},
		{ fieldname: "gateway", label: __("Gateway"), fieldtype: "Link", options: "Payment Gateway Settings" },
	],
};
