"""The billing service: payments, refunds, invoices, the ledger and payouts."""
