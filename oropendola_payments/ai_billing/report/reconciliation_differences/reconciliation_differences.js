frappe.query_reports["Reconciliation Differences"] = {
	filters: [
		{
			fieldname: "kind",
			label: __("Kind"),
			fieldtype: "Select",
			options: ["", "Review", "Payment", "Sum", "Refund", "Pending"],
		},
		{
			fieldname: "gateway",
			label: __("Gateway"),
			fieldtype: "Link",
			options: "Payment Gateway Settings",
		},
	],
	// Issue and action are sentences: they wrap instead of being cut off.
	get_datatable_options: (options) => ({ ...options, cellHeight: 72 }),
	formatter(value, row, column, data, default_formatter) {
		const shown = default_formatter(value, row, column, data);
		if (!["difference", "action"].includes(column.fieldname)) return shown;
		return `<div style="white-space: normal; line-height: 1.35">${shown}</div>`;
	},
};
