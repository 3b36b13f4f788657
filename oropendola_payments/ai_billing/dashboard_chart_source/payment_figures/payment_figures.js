frappe.provide("frappe.dashboards.chart_sources");

frappe.dashboards.chart_sources["Payment Figures"] = {
	method: "oropendola_payments.api.desk.chart",
	filters: [
		{
			fieldname: "figure",
			label: __("Figure"),
			fieldtype: "Select",
			options: ["Revenue by day", "Revenue by gateway", "Funnel", "Failure reasons"],
			reqd: 1,
		},
		// Empty: the currency in which most payments came.
		{ fieldname: "currency", label: __("Currency"), fieldtype: "Link", options: "Currency" },
		{ fieldname: "days", label: __("Days"), fieldtype: "Int", default: 30 },
	],
};
