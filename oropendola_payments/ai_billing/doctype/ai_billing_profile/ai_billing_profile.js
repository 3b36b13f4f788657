frappe.ui.form.on("AI Billing Profile", {
	refresh(frm) {
		if (!frm.doc.__onload?.can_check_tax_id) return;
		frm.add_custom_button(__("Confirm tax ID"), () => check_tax_id(frm, "confirm"));
		frm.add_custom_button(__("Reject tax ID"), () => check_tax_id(frm, "reject"));
	},
});

function check_tax_id(frm, answer) {
	// What the authority is asked about must be what is confirmed, and that is the number that was saved.
	if (!oropendola.is_saved(frm)) return;
	const fields = [
		{
			fieldtype: "HTML",
			options: __("Please ask the authority first. Whether a tax ID counts decides the tax."),
		},
		{
			fieldname: "reference",
			fieldtype: "Data",
			label: __("How was it checked?"),
			reqd: answer === "confirm",
			description: __("Such as the consultation number of VIES."),
		},
	];
	const save = async ({ reference }) => {
		const done = await oropendola.call(`admin.${answer}_tax_id`, { profile: frm.doc.name, reference });
		if (done) frm.reload_doc();
		return done;
	};
	const title = answer === "confirm" ? __("Confirm tax ID") : __("Reject tax ID");
	oropendola.ask(title, fields, title, save);
}
