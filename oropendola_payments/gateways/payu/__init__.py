"""PayU: `adapter` is the contract, `client` the wire, `mapping` its words in ours, `notices` what it tells us."""
