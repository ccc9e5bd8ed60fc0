"""A first scenario of one's own: from what somebody needs to files that run."""
