"""One step type a file, and the written-out ACTIONS table."""

from windtunnel.actions.compiler import ACTIONS, CompiledAssertion, compile_scenario

__all__ = ["ACTIONS", "CompiledAssertion", "compile_scenario"]
