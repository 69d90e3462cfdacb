"""The rules of stock: pure functions on frozen values."""
