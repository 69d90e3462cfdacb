"""The page that shows a running system: server-rendered, live without reload, nothing loaded from elsewhere."""
