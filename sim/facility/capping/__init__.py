"""Power capping: who is slowed when a budget is exceeded, and what slowing costs."""
