"""Adapters to payment gateways, behind one protocol, and the sandbox twin they are proved against."""
