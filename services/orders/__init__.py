"""The orders service: from any channel's message to an order that is accepted, paid, released and gone."""
