"""What holds for every test: the profiles of hypothesis and how the process answers to signals.

Property tests have no deadline, and in CI they draw the same examples every time (`CI` is set by GitHub, GitLab
and most other CI systems).
"""

from __future__ import annotations

import os
import signal

from hypothesis import HealthCheck, settings

settings.register_profile(
    "dev",
    deadline=None,  # the speed of the machine decides no test
    suppress_health_check=[HealthCheck.too_slow],  # judges time as well
)
settings.register_profile("ci", settings.get_profile("dev"), derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "dev")

# The commands under test inherit what `nohup`, or `&` in a script, ignores.
for number, usual in (
    (signal.SIGHUP, signal.SIG_DFL),
    (signal.SIGINT, signal.default_int_handler),
    (signal.SIGTERM, signal.SIG_DFL),
):
    if signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, usual)
