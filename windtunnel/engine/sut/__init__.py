"""The command of `--exec`: the process of the SUT, and the one of ours that looks after it."""
