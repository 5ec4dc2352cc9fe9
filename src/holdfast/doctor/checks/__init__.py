"""The checks of code: a module for each thing that they are about."""
