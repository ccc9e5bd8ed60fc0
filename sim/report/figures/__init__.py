"""Static pictures with matplotlib."""
