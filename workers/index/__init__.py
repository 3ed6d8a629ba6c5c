"""The index that search asks: what is in it, how it is filled, and how it is compared."""
