"""From what a channel sends to the canonical order: signatures, storage, one reader per kind of channel."""
