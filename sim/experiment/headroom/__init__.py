"""Headroom: how much more traffic until the first limit breaks."""
