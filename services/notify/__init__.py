"""Notify: tells the customer what happened to the order, once per recipient and cause."""
