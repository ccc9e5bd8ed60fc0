"""Money: prices, tariffs, token and fleet cost."""
