"""The service that is measured against: nginx with two constant answers, on a free port of this machine."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

CONFIGURATION = """
worker_processes 1; daemon off; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections 12000; }}
http {{
  access_log off; keepalive_requests 1000000000; keepalive_timeout 600s; default_type application/json;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  server {{
    listen 127.0.0.1:{port};
    location = /api/products {{ root {folder}; try_files /products.json =404; }}
    location = /api/cart {{ return 201 '{{"ok":true}}'; }}
  }}
}}
"""

PRODUCTS = {
    "items": [
        {"id": f"p-{n}", "name": f"Product number {n}", "price": 12.5 + n, "stock": 3 * n, "tags": ["a", "b"]}
        for n in range(10)
    ]
}


@contextmanager
def nginx(folder: Path) -> Iterator[str]:
    """Serve from a folder while the block lasts; yields the base URL. Raises RuntimeError without nginx."""
    program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if program is None:
        raise RuntimeError("nginx is not installed: apt-get install nginx-light")
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    (folder / "products.json").write_text(json.dumps(PRODUCTS))
    configuration = folder / "nginx.conf"
    configuration.write_text(CONFIGURATION.format(folder=folder, port=port))
    folder.chmod(0o755)
    process = subprocess.Popen([program, "-c", str(configuration)])
    try:
        _wait_for(port)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


def _wait_for(port: int) -> None:
    for _ in range(100):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise RuntimeError(f"nginx does not listen on port {port}")
