"""The auditor: recomputes what must hold (I1-I13) from stores, streams and truth logs.

It reads events as plain dictionaries and shares no decision code with the services: two different
programs have to come to the same stock, the same money and the same states.
"""
