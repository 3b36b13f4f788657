frappe.listview_settings["AI Tax Document"] = {
	get_indicator(doc) {
		const color = doc.kind === "Invoice" ? "green" : "purple";
		return [__(doc.kind), color, `kind,=,${doc.kind}`];
	},
	onload(listview) {
		listview.page.add_inner_button(__("Export"), export_period);
	},
};

const FORMATS = [
	["csv", __("All documents (CSV)")],
	["json", __("All documents (JSON)")],
	["gstr1", __("GSTR-1, all tables (JSON)")],
	["einvoice", __("E-invoices for the portal (JSON, INV-01)")],
	["oss", __("One-Stop Shop summary (CSV)")],
	...["b2b", "b2cl", "b2cs", "exp", "cdnr", "cdnur", "hsn_b2b", "hsn_b2c", "docs"].map((table) => [
		`gstr1:${table}`,
		__("GSTR-1, table {0} (CSV)", [table]),
	]),
];

function export_period() {
	const start = frappe.datetime.add_months(frappe.datetime.month_start(), -1);
	const dialog = new frappe.ui.Dialog({
		title: __("Export tax documents"),
		fields: [
			{ fieldname: "from_date", label: __("From"), fieldtype: "Date", default: start, reqd: 1 },
			{
				fieldname: "to_date",
				label: __("To"),
				fieldtype: "Date",
				default: frappe.datetime.add_days(frappe.datetime.month_start(), -1),
				reqd: 1,
			},
			{
				fieldname: "registration",
				label: __("Tax Registration"),
				fieldtype: "Link",
				options: "AI Tax Registration",
			},
			{
				fieldname: "format",
				label: __("Format"),
				fieldtype: "Select",
				options: FORMATS.map(([value, label]) => ({ value, label })),
				default: "csv",
				reqd: 1,
			},
		],
		primary_action_label: __("Download"),
		primary_action({ format, ...values }) {
			const [kind, table] = format.split(":");
			const query = new URLSearchParams({ ...values, format: kind, ...(table ? { table } : {}) });
			window.open(`/api/method/oropendola_payments.api.documents.export?${query}`);
			dialog.hide();
		},
	});
	dialog.show();
}
