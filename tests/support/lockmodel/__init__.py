"""A model of the sandbox's locks and of what requests do, told apart from the sandbox's own code.

`trace` checks the steps of the locks, `world` executes requests one after the other, and `traffic`
sends random ones from many clients at once.
"""
