frappe.query_reports["Coupon Redemptions"] = {
	filters: [
		{ fieldname: "coupon", label: __("Coupon"), fieldtype: "Link", options: "AI Coupon" },
		{ fieldname: "currency", label: __("Currency"), fieldtype: "Link", options: "Currency" },
	],
};
