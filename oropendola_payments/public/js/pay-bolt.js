// PayU's Bolt. What it answers is signed: it goes to the return address, as a form of PayU's own page would.
(window.paymentDrivers ??= {}).bolt = ({ config, post, closed, failed }) => {
	window.bolt.launch(config, {
		responseHandler({ response }) {
			if (!response || response.txnStatus === "CANCEL") return closed();
			post(config.surl, response);
		},
		catchException: failed,
	});
};
