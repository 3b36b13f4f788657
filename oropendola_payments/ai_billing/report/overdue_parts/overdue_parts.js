frappe.query_reports["Overdue Parts"] = {
	filters: [
		{ fieldname: "customer", label: __("Customer"), fieldtype: "Link", options: "User" },
		{ fieldname: "currency", label: __("Currency"), fieldtype: "Link", options: "Currency" },
	],
};
