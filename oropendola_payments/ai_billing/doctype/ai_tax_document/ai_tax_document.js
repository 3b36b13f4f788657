frappe.ui.form.on("AI Tax Document", {
	refresh(frm) {
		frm.disable_save();
		frm.get_field("preview").$wrapper.html(frm.doc.__onload?.html || "");
		frm.add_custom_button(__("Download"), () =>
			window.open(
				`/api/method/oropendola_payments.api.documents.download?document=${encodeURIComponent(frm.doc.name)}`
			)
		);
		if (frm.doc.__onload?.can_reissue)
			frm.add_custom_button(__("Reissue with corrected details"), () => reissue(frm));
	},
});

function reissue(frm) {
	const fields = [
		{
			fieldtype: "HTML",
			options: `<p>${__("This issues a credit note for what is left of {0} and a new invoice with the billing profile and tax rules as they are now. The money stays where it is. Please correct the billing profile first.", [frappe.utils.escape_html(frm.doc.name)])}</p>`,
		},
		{
			fieldname: "reason",
			label: __("Reason"),
			fieldtype: "Small Text",
			reqd: 1,
			description: __("It is printed on both documents."),
		},
	];
	oropendola.ask(__("Reissue with corrected details"), fields, __("Reissue"), async ({ reason }) => {
		const args = { invoice_id: frm.doc.invoice, reason };
		const answer = await oropendola.call("documents.reissue", args);
		if (!answer) return null;
		frappe.show_alert({
			message: __("{0} and {1} were issued.", [answer.credit_note, answer.document]),
			indicator: "green",
		});
		frappe.set_route("Form", "AI Tax Document", answer.document);
		return answer;
	});
}
