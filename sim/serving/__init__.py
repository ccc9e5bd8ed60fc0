"""Serving: queue, batch, step; a replica advances segment by segment."""
