"""The operators' side: the `doorstep` command, the page that shows a running system, and the demo shop."""
