"""Weather, prices and carbon from outside; storage, generation and load targets at the site."""
