"""Files that a shop brings along: read row by row, each refusal with its line."""
