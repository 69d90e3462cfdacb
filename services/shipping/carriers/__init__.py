"""Carriers that are asked for labels, each behind the protocol of `carrier.py`.

The own-range carrier is not here: it needs no call, so it is a rule (`domain/number_range.py`).
"""
