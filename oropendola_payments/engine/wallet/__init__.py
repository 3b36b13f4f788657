"""The wallet of a customer: credits that were bought or given, how they are used, how they expire and go back. A ledger of lines that are only added."""
