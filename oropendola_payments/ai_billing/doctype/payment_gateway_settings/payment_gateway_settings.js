const COLORS = {
	Live: "green",
	Test: "orange",
	Simulator: "blue",
	Degraded: "red",
	"Not Configured": "yellow",
	Disabled: "gray",
};

frappe.ui.form.on("Payment Gateway Settings", {
	refresh(frm) {
		const facts = frm.doc.__onload;
		if (frm.is_new() || !facts) return;
		frm.page.set_indicator(__(facts.status), COLORS[facts.status] || "gray");
		show_own_credentials(frm, facts.credentials);
		show_options(frm, facts);
		show_webhook_address(frm, facts.webhook_address);
		frm.add_custom_button(__("Why this one?"), explain_choice);
		if (frm.perm[0]?.write) frm.add_custom_button(__("Test connection"), () => test_connection(frm));
	},
	mode(frm) {
		frm.toggle_display("api_base_url", frm.doc.mode !== "Live");
	},
});

// Why a gateway is recommended at the checkout, or not.
function explain_choice() {
	const fields = [
		{
			fieldname: "currency",
			label: __("Currency"),
			fieldtype: "Link",
			options: "Currency",
			default: frappe.boot.sysdefaults?.currency || "INR",
			reqd: 1,
		},
		{ fieldname: "amount", label: __("Amount"), fieldtype: "Float" },
	];
	oropendola.ask(__("Why this one?"), fields, __("Explain"), async ({ currency, amount }) => {
		const answer = await oropendola.call("admin.explain_gateways", { currency, amount: amount || null });
		if (answer) show_choice(answer);
		return answer;
	});
}

function show_choice({ gateways, recommended }) {
	const text = frappe.utils.escape_html;
	const rows = gateways.map(({ id, name, reason }) => {
		const mark =
			id === recommended ? `<span class="badge badge-success">${text(__("Recommended"))}</span> ` : "";
		return `<tr><td>${mark}<strong>${text(name)}</strong></td><td>${text(reason)}</td></tr>`;
	});
	frappe.msgprint({
		title: __("Recommended at the checkout"),
		message: `<table class="table table-sm">${rows.join("")}</table>`,
		wide: true,
	});
}

// Every gateway shares the same slots; the form shows those that it uses, under the names of its dashboard.
function show_own_credentials(frm, credentials) {
	const own = Object.fromEntries(credentials.map((credential) => [credential.name, credential]));
	for (const field of credential_slots(frm)) {
		const credential = own[field.fieldname];
		frm.toggle_display(field.fieldname, Boolean(credential));
		if (!credential) continue;
		frm.set_df_property(field.fieldname, "label", credential.label);
		const optional = credential.required ? "" : __("Optional.");
		frm.set_df_property(
			field.fieldname,
			"description",
			[credential.help, optional].filter(Boolean).join(" ")
		);
	}
}

function credential_slots(frm) {
	const names = frm.meta.fields.map((field) => field.fieldname);
	const section = frm.meta.fields.slice(
		names.indexOf("credentials_section") + 1,
		names.indexOf("webhook_section")
	);
	return section.filter((field) => field.fieldtype !== "Column Break");
}

function show_options(frm, facts) {
	const modes = ["Simulator", "Test", "Live"].filter(
		(mode) => mode !== "Simulator" || facts.simulator_allowed
	);
	// A mode that was chosen while it was allowed stays visible.
	frm.set_df_property("mode", "options", modes.includes(frm.doc.mode) ? modes : [frm.doc.mode, ...modes]);
	const command = "bench --site SITE set-config -p allow_payment_simulator 1";
	const hint = facts.simulator_allowed
		? ""
		: __(
				"To try it without real money, run {0} and reload this page. You can then choose the mode Simulator here.",
				[`<code>${command}</code>`]
			);
	frm.set_df_property("mode", "description", hint);
	frm.toggle_display("refund_speed", facts.instant_refunds);
	frm.toggle_display(["fetch_payouts", "payouts_fetched_until", "payout_error"], facts.tells_payouts);
	frm.toggle_display("api_base_url", frm.doc.mode !== "Live");
}

// The address comes from the server: the Desk may be open under a name that gateways cannot reach.
function show_webhook_address(frm, address) {
	const text = frappe.utils.escape_html;
	const box = frm.get_field("webhook_address").$wrapper.html(`
		<label class="control-label">${text(__("Webhook Address"))}</label>
		<div class="d-flex">
			<input class="form-control mr-2" readonly aria-label="${text(__("Webhook Address"))}" value="${text(address)}">
			<button class="btn btn-default" type="button">${text(__("Copy"))}</button>
		</div>
		<p class="help-box small text-muted">${text(address_help(frm, address))}</p>`);
	box.find("button").on("click", () => frappe.utils.copy_to_clipboard(address));
	box.find("input").on("focus", (event) => event.target.select());
}

function address_help(frm, address) {
	if (frm.doc.mode !== "Simulator" && !address.startsWith("https://"))
		return __(
			"Gateways send webhooks only to https addresses. Please set host_name in the site's configuration."
		);
	return __("Enter this address in the {0} dashboard.", [frm.doc.label]);
}

async function test_connection(frm) {
	if (frm.is_dirty()) {
		frappe.msgprint(__("Please save first. The connection is tested with the saved keys."));
		return;
	}
	const answer = await frm.call("test_connection");
	frappe.msgprint({ title: frm.doc.label, message: frappe.utils.escape_html(answer.message) });
	frm.reload_doc();
}
