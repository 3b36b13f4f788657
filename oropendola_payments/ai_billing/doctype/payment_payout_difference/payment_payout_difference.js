const MEANINGS = {
	"Not Paid Out": __(
		"We recorded the payment, and no payout contains it. Ask the gateway when it pays it out."
	),
	"Refund Not In Payout": __("We recorded the refund, and no payout contains it."),
	Unknown: __(
		"The gateway paid it out, and we have no such payment or refund. Look for it in the gateway's dashboard."
	),
	"Other Amount": __("The payouts contain another amount than the one that we recorded."),
	"Other Refund Amount": __("The payouts contain another amount than the refund that we recorded."),
	"Dispute Not Recorded": __(
		"The gateway took a payment back, or gave it back, and sent no message about a dispute. A payment that was taken back is not refunded."
	),
	"Fee Missing": __("The report does not say what the payment cost."),
	"Does Not Add Up": __(
		"The lines do not add up to what reached the bank. Import the complete report again."
	),
	"Reported Differently": __(
		"A later report of this balanced payout says something else. The first one is kept."
	),
};

frappe.ui.form.on("Payment Payout Difference", {
	refresh(frm) {
		if (frm.doc.status === "Open") frm.set_intro(MEANINGS[frm.doc.kind], "orange");
		if (frm.doc.__onload?.can_accept) frm.add_custom_button(__("Accept"), () => accept(frm));
	},
});

function accept(frm) {
	const fields = [
		{ fieldname: "reason", fieldtype: "Small Text", label: __("Why is it right as it is?"), reqd: 1 },
	];
	const send = async ({ reason }) => {
		const answer = await oropendola.call("payouts.accept_difference", {
			difference: frm.doc.name,
			reason,
		});
		if (answer) frm.reload_doc();
		return answer;
	};
	oropendola.ask(__("Accept this difference"), fields, __("Accept"), send);
}
