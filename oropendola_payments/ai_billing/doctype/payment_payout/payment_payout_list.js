// The list of payouts: fetch from an API, import a report with a preview.
frappe.listview_settings["Payment Payout"] = {
	get_indicator(doc) {
		const color = doc.status === "Balanced" ? "green" : "orange";
		return [__(doc.status), color, `status,=,${doc.status}`];
	},
	onload(listview) {
		if (!frappe.user.has_role("Payments Manager")) return;
		listview.page.add_inner_button(__("Import report"), () => import_report(listview));
		listview.page.add_inner_button(__("Fetch payouts"), () => fetch_payouts(listview));
	},
};

const ROLES = [
	["payout_id", __("Payout ID")],
	["paid_on", __("Paid On")],
	["bank_reference", __("Bank Reference")],
	["kind", __("Kind")],
	["direction", __("Credit or Debit")],
	["row", __("Row ID")],
	["payment_id", __("Gateway Payment ID")],
	["reference", __("Our Payment Reference")],
	["refund_id", __("Gateway Refund ID")],
	["refund_key", __("Our Refund")],
	["amount", __("Amount")],
	["credit", __("Credit")],
	["debit", __("Debit")],
	["fee", __("Fee")],
	["tax", __("Tax on Fee")],
	["net", __("Net")],
	["currency", __("Currency")],
	["own_amount", __("Customer Amount")],
	["own_currency", __("Currency of Customer")],
	["day", __("Day")],
];
const OPTIONS = [
	"kinds", "file_currency", "decimal_mark", "date_order", "minor_units", "signed_amounts", "signed_fees",
	"fee_includes_tax",
]; // prettier-ignore
const text = (value) => frappe.utils.escape_html(String(value ?? ""));

function all_gateways() {
	return frappe.db.get_list("Payment Gateway Settings", {
		fields: ["gateway", "label"],
		order_by: "sort_order",
		limit: 100,
	});
}

async function fetch_payouts(listview) {
	const gateways = await all_gateways();
	const options = gateways.map(({ gateway, label }) => ({ value: gateway, label }));
	const field = { fieldname: "gateway", fieldtype: "Select", label: __("Gateway"), options, reqd: 1 };
	oropendola.ask(__("Fetch payouts"), [field], __("Fetch"), async ({ gateway }) => {
		const answer = await oropendola.call("payouts.fetch", { gateway });
		if (!answer) return null;
		const { new: fresh = 0, unchanged = 0, corrected = 0, different = 0 } = answer;
		tell({ new: fresh, unchanged, corrected, different });
		listview.refresh();
		return answer;
	});
}

function tell(counts) {
	frappe.msgprint({
		title: __("Payouts"),
		indicator: counts.different ? "orange" : "green",
		message: __("New: {0}. Unchanged: {1}. Corrected: {2}. Reported differently: {3}.", [
			counts.new, counts.unchanged, counts.corrected, counts.different,
		]),
	}); // prettier-ignore
}

async function import_report(listview) {
	const gateways = await all_gateways();
	const dialog = new frappe.ui.Dialog({
		title: __("Import a settlement report"),
		size: "extra-large",
		fields: [
			{
				fieldname: "gateway",
				fieldtype: "Select",
				label: __("Gateway"),
				options: gateways.map(({ gateway, label }) => ({ value: gateway, label })),
				reqd: 1,
			},
			{ fieldname: "c1", fieldtype: "Column Break" },
			{ fieldname: "file", fieldtype: "HTML", options: file_input() },
			{
				fieldname: "one_section",
				fieldtype: "Section Break",
				label: __("Only if the file is one payout and does not say which"),
				collapsible: 1,
			},
			{ fieldname: "payout_id", fieldtype: "Data", label: __("Payout ID") },
			{ fieldname: "paid_on", fieldtype: "Date", label: __("Paid On") },
			{ fieldname: "c2", fieldtype: "Column Break" },
			{ fieldname: "amount", fieldtype: "Data", label: __("Amount on the bank statement") },
			{ fieldname: "currency", fieldtype: "Link", options: "Currency", label: __("Currency") },
			{ fieldname: "preview_section", fieldtype: "Section Break", label: __("Preview") },
			{ fieldname: "preview", fieldtype: "HTML" },
			{
				fieldname: "mapping_section",
				fieldtype: "Section Break",
				label: __("Columns"),
				collapsible: 1,
				hidden: 1,
			},
			{ fieldname: "columns", fieldtype: "HTML" },
		],
		primary_action_label: __("Preview"),
		primary_action: (values) => preview(dialog, values, listview),
	});
	dialog.show();
}

function file_input() {
	return `<label class="control-label" for="payout-file">${text(__("Report (CSV or XLSX)"))}</label>
		<input type="file" id="payout-file" class="form-control" accept=".csv,.xlsx,.txt">
		<p class="help-box small text-muted">${text(__("It is read once and not kept."))}</p>`;
}

function form_of(dialog, values) {
	const file = dialog.$wrapper.find("#payout-file")[0]?.files[0];
	if (!file) {
		oropendola.refuse(__("Please choose the report first."));
		return null;
	}
	const form = new FormData();
	for (const name of ["gateway", "payout_id", "paid_on", "amount", "currency"])
		if (values[name]) form.append(name, values[name]);
	if (dialog.mapping) form.append("columns", JSON.stringify(dialog.mapping));
	form.append("file", file);
	return form;
}

async function preview(dialog, values, listview) {
	read_mapping(dialog);
	const form = form_of(dialog, values);
	const answer = form && (await oropendola.send("payouts.preview_file", form));
	if (!answer) return;
	dialog.fields_dict.preview.$wrapper.html(preview_html(answer));
	dialog.set_df_property("mapping_section", "hidden", 0);
	show_mapping(dialog, answer, listview);
	if (answer.problems.length) return;
	dialog.set_primary_action(__("Import"), (now) => import_previewed(dialog, form, now, listview));
}

// Only what was shown is imported. After a change of the file or a field, the new preview comes first.
async function import_previewed(dialog, previewed, values, listview) {
	read_mapping(dialog);
	const form = form_of(dialog, values);
	if (!form) return;
	if (!is_same(form, previewed)) return preview(dialog, values, listview);
	const done = await oropendola.send("payouts.import_file", form);
	if (!done) return;
	dialog.hide();
	tell(done);
	listview.refresh();
}

function is_same(form, other) {
	const [fields, others] = [[...form], [...other]];
	const matches = ([name, value], number) => name === others[number][0] && value === others[number][1];
	return fields.length === others.length && fields.every(matches);
}

function preview_html({ problems, payouts = [], lines = [], rows = 0 }) {
	if (problems.length)
		return table(
			[__("Line"), __("Problem")],
			problems.map(({ line, problem }) => [line || "", problem])
		);
	const known = payouts.map((p) => [
		p.payout, p.paid_on, `${p.amount} ${p.currency}`, p.lines, Number(p.differs_by) ? p.differs_by : "",
	]); // prettier-ignore
	const first = lines.map((l) => [l.kind, `${l.amount} ${l.currency}`, l.payment, l.refund]);
	return `<p>${text(__("Rows read: {0}", [rows]))}</p>
		${table([__("Payout"), __("Paid On"), __("Amount"), __("Lines"), __("Lines Differ By")], known)}
		<p>${text(__("The first lines:"))}</p>
		${table([__("Kind"), __("Amount"), __("Payment"), __("Refund")], first)}`;
}

function table(headings, rows) {
	const head = headings.map((heading) => `<th>${text(heading)}</th>`).join("");
	const body = rows.map((row) => `<tr>${row.map((cell) => `<td>${text(cell)}</td>`).join("")}</tr>`);
	return `<div class="table-responsive"><table class="table table-sm"><thead><tr>${head}</tr></thead>
		<tbody>${body.join("")}</tbody></table></div>`;
}

// Which heading is what: a text field each, with the headings of the file to choose from.
function show_mapping(dialog, { headings, mapping }, listview) {
	dialog.shown = mapping;
	const choices = headings.map((heading) => `<option value="${text(heading)}">`).join("");
	const fields = ROLES.map(
		([role, label]) => `<div class="col-sm-4 form-group"><label class="control-label">${text(label)}
			<input class="form-control input-xs" list="payout-headings" data-role="${role}_column"
			value="${text(mapping[`${role}_column`] || "")}"></label></div>`
	);
	dialog.fields_dict.columns.$wrapper.html(
		`<datalist id="payout-headings">${choices}</datalist><div class="row">${fields.join("")}</div>
		<p class="small text-muted">${text(
			__("After a change press Preview. Kinds, dates and decimal marks are in Payment Payout Mapping.")
		)}</p>`
	);
	dialog.fields_dict.columns.$wrapper.find("input").on("input", () => {
		dialog.set_primary_action(__("Preview"), () => preview(dialog, dialog.get_values(), listview));
	});
}

function read_mapping(dialog) {
	if (!dialog.shown) return;
	const chosen = {};
	dialog.fields_dict.columns.$wrapper.find("input[data-role]").each((_number, input) => {
		chosen[input.dataset.role] = input.value;
	});
	const is_changed = Object.entries(chosen).some(([name, value]) => value !== (dialog.shown[name] || ""));
	if (is_changed)
		dialog.mapping = {
			...Object.fromEntries(OPTIONS.map((name) => [name, dialog.shown[name] ?? ""])),
			...chosen,
		};
}
