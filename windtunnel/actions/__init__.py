"""One step type a file, and the written-out ACTIONS table."""

from windtunnel.actions.compiler import ACTIONS, CompiledAssertion, CompiledStep, compile_steps

__all__ = ["ACTIONS", "CompiledAssertion", "CompiledStep", "compile_steps"]
