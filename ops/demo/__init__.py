"""The demo shop: a gift and home shop with real-looking goods, customers and orders, the same on every machine."""
