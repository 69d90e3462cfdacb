"""NATS in production: who may do what, and how the servers are configured."""
