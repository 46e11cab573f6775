"""Serves a WSGI application on a free port of localhost: `serve.py portal '{"accounts": …}'`.

One line of JSON says when it listens, where, and what else a caller has to know. Runs on the Python that
`make services` sets up; waitress answers from threads, as a small installation does.
"""

from __future__ import annotations

import importlib
import json
import sys

import waitress


def main(name: str, *arguments: str) -> None:
    module = importlib.import_module(name)
    application = module.app if hasattr(module, "app") else module.application(*arguments)
    server = waitress.create_server(
        application, host="127.0.0.1", port=0, threads=16, clear_untrusted_proxy_headers=True
    )
    told = {"url": f"http://127.0.0.1:{server.effective_port}", "environment": getattr(module, "TOLD", {})}
    print(json.dumps(told), flush=True)
    server.run()


if __name__ == "__main__":
    main(*sys.argv[1:])
