"""The commands of `communities`, one module for each group of them."""
