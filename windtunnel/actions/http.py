"""The `http` step: one request, then `expect`, then `extract`."""

from __future__ import annotations

from windtunnel.actions.compile.context import CompileContext
from windtunnel.actions.request.retry import RetryingHttpAction, compile_retry
from windtunnel.actions.request.template import REQUEST_KEYS, RequestTemplate, compile_request
from windtunnel.actions.response.checks import compile_judge
from windtunnel.actions.response.judge import Judge, errored, hop_failed, receive
from windtunnel.errors import ExpressionError
from windtunnel.interfaces import Action, Instance, StepOutcome
from windtunnel.model.http import Exchange
from windtunnel.model.scenario import Step


class HttpAction:
    """A compiled `http` step."""

    __slots__ = ("_judge", "_request", "_timeout_s", "name", "reveal", "secrets")

    type = "http"
    keys = (*REQUEST_KEYS, "submit", "expect", "extract", "retry")

    def __init__(self, name: str, request: RequestTemplate, judge: Judge) -> None:
        self.name, self._request, self._judge = name, request, judge
        self._timeout_s = request.timeout_s
        self.secrets, self.reveal = judge.extraction.secrets, judge.extraction.reveal

    @classmethod
    def compile(cls, step: Step, context: CompileContext) -> Action | None:
        """Compile a step; None when problems were noted. With `retry`, it is a `RetryingHttpAction`."""
        compile_ = compile_request
        if "submit" in step.options:
            from windtunnel.actions.request.submit import compile_submit as compile_
        request = compile_(step, context, timeout=step.options.get("timeout"))
        judge = compile_judge(step, context, imply_status=True)
        context.responses.add(step.name)
        if request is None:
            return None
        if step.options.get("retry") is None:
            return cls(step.name, request, judge)
        retry = compile_retry(context.at(step) / "retry", step.options["retry"])
        return RetryingHttpAction(step.name, request, judge, retry)

    async def run(self, instance: Instance) -> StepOutcome:
        """Send the request and judge the exchange. Each redirect hop is a record of its own."""
        hops = 0

        def on_hop(hop: Exchange) -> None:
            nonlocal hops
            hops += 1
            instance.observe(hop, step=self.name, poll=False, failed=hop_failed(hop))

        try:
            request = self._request.render(instance, self.name, on_hop, self._timeout_s)
        except ExpressionError as error:
            return errored(error)
        exchange = await instance.client.send(request)
        receive(instance, self.name, exchange)
        outcome = self._judge.outcome(exchange, instance, requests=hops + 1)
        if hops:
            decided = outcome.outcome != "passed"
            failed = outcome.request_failed
            instance.observe(exchange, step=self.name, poll=False, failed=failed, decided=decided)
        return outcome

    def request_failed(self, exchange: Exchange) -> bool:
        """Whether a request of this step counts as failed (`http_req_failed`)."""
        return self._judge.request_failed(exchange)
