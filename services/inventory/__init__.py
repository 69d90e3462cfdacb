"""Stock: what there is, what is promised, what can be sold. Never oversold, never negative."""
