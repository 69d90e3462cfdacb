"""What watches a running system: alerts, dashboards, and examples of who asks."""
