"""KV cache: blocks, shared prefixes, windows."""
