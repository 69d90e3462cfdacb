"""The keys to personal data: where they are kept, and sealing and opening with them."""
