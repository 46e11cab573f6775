"""The services, each started when the first test asks for it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import services
from tests.support.services import ACCOUNTS, APPS, CERTIFICATES, Service

HOOK_SECRET = "whsec-4f2a"
CLIENTS = [
    {
        "name": "app",
        "client_id": "shop-app",
        "client_type": "public",
        "authorization_grant_type": "authorization-code",
        "redirect_uris": "http://localhost/callback",
        "algorithm": "RS256",
    },
    {
        "name": "terminal",
        "client_id": "shop-terminal",
        "client_type": "public",
        "authorization_grant_type": "password",
    },
    {
        "name": "backend",
        "client_id": "shop-backend",
        "client_secret": "s3cr3t",
        "client_type": "confidential",
        "authorization_grant_type": "client-credentials",
    },
]

NGINX = """
{user}
daemon off;
pid nginx.pid;
error_log stderr;
events {{}}
http {{
    types {{ image/png png; }}
    access_log off;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    server {{
        listen 127.0.0.1:{port} ssl;
        ssl_certificate localhost.pem;
        ssl_certificate_key localhost.key;
        root {folder}/files;
        dav_methods PUT DELETE;
        create_full_put_path on;
        auth_basic "files";
        auth_basic_user_file {folder}/users;
    }}
}}
"""
PAGES = """
{user}
daemon off;
pid nginx.pid;
error_log stderr;
events {{}}
http {{
    types {{ text/plain txt; }}
    log_format paths "$request_method $request_uri";
    access_log {folder}/access.log paths;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    keepalive_requests 100;
    server {{
        listen 127.0.0.1:{port};
        root {folder}/files;
    }}
}}
"""
CADDY = """
{{
    admin off
    auto_https off
    storage file_system {folder}/storage
}}
http://127.0.0.1:{port} {{
    root * {folder}/pages
    encode gzip
    file_server
}}
"""


@pytest.fixture(scope="session")
def django(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Django's admin, an OAuth2 server, and views as of a shop's back end."""
    folder = tmp_path_factory.mktemp("django")
    given = json.dumps({"accounts": ACCOUNTS, "clients": CLIENTS, "hook_secret": HOOK_SECRET})
    with services.telling([services.python(), str(APPS / "serve.py"), "portal", given], folder) as (url, _):
        environment = {"DJANGO_URL": url, "HOOK_SECRET": HOOK_SECRET, "CLIENT_SECRET": "s3cr3t"}
        yield Service(url=url, environment=environment, folder=folder)


@pytest.fixture(scope="session")
def httpbin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("httpbin")
    with services.telling([services.python(), str(APPS / "serve.py"), "httpbin"], folder) as (url, _):
        yield Service(url=url, environment={"HTTPBIN_URL": url}, folder=folder)


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """S3 with a bucket `photos` in `eu-central-1`."""
    folder = tmp_path_factory.mktemp("s3")
    with services.telling([services.python(), str(APPS / "serve.py"), "store"], folder) as (url, told):
        yield Service(url=url, environment={"S3_HOST": url.removeprefix("http://"), **told}, folder=folder)


@pytest.fixture(scope="session")
def graphql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("graphql")
    services.node_program("json-server")  # what npm installs is there
    command = [services.program("node"), str(APPS / "graphql.mjs"), f"{services.INSTALLED}/"]
    with services.telling(command, folder) as (url, _):
        yield Service(url=url, environment={"GRAPHQL_URL": url}, folder=folder)


@pytest.fixture(scope="session", name="json_server")
def start_json_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A REST server that pages by `Link`: 25 posts."""
    folder = tmp_path_factory.mktemp("json-server")
    posts = [{"id": number, "title": f"Post {number}"} for number in range(1, 26)]
    (folder / "db.json").write_text(json.dumps({"posts": posts, "comments": []}))
    port = services.free_port()
    command = [
        services.node_program("json-server"),
        "--quiet",
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
        "db.json",
    ]
    with services.listening(command, folder, port):
        url = f"http://127.0.0.1:{port}"
        yield Service(url=url, environment={"JSON_SERVER_URL": url}, folder=folder)


@pytest.fixture(scope="session")
def nginx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A WebDAV server behind TLS with a certificate of its own and a password."""
    folder = tmp_path_factory.mktemp("nginx")
    (folder / "files").mkdir()
    (folder / "users").write_text("ada:{PLAIN}lovelace\n")
    for ending in ("pem", "key"):
        shutil.copy(CERTIFICATES / f"test-only-localhost.{ending}", folder / f"localhost.{ending}")
    port = services.free_port()
    user = "user root;" if os.geteuid() == 0 else ""
    (folder / "nginx.conf").write_text(NGINX.format(user=user, port=port, folder=folder))
    command = [services.program("nginx"), "-p", str(folder), "-e", "stderr", "-c", "nginx.conf"]
    with services.listening(command, folder, port):
        url = f"https://localhost:{port}"
        environment = {"NGINX_URL": url, "FILES_PASSWORD": "lovelace"}
        yield Service(url=url, environment=environment, folder=folder)


@pytest.fixture(scope="session")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Files in plain HTTP: `small.txt`, and `large.txt` of 2 MB; `access.log` has a line for each request."""
    folder = tmp_path_factory.mktemp("pages")
    (folder / "files").mkdir()
    (folder / "files" / "small.txt").write_text("hello\n")
    (folder / "files" / "large.txt").write_text(
        "".join(f"line {number:06}\n" for number in range(166_667))[:2_000_000]
    )
    port = services.free_port()
    user = "user root;" if os.geteuid() == 0 else ""
    (folder / "nginx.conf").write_text(PAGES.format(user=user, port=port, folder=folder))
    command = [services.program("nginx"), "-p", str(folder), "-e", "stderr", "-c", "nginx.conf"]
    with services.listening(command, folder, port):
        yield Service(url=f"http://127.0.0.1:{port}", environment={}, folder=folder)


@pytest.fixture(scope="session")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Redis, with nothing on disk."""
    folder = tmp_path_factory.mktemp("redis")
    port = services.free_port()
    command = [services.program("redis-server"), "--bind", "127.0.0.1", "--port", str(port), "--save", ""]
    with services.listening(command, folder, port):
        yield Service(url=f"redis://127.0.0.1:{port}", environment={}, folder=folder)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Service]:
    """PostgreSQL with the user `shop`, who needs no password."""
    # It refuses to run as root, and no other user may enter the folders of pytest's then.
    user = "nobody" if os.geteuid() == 0 else None
    with tempfile.TemporaryDirectory(prefix="windtunnel-postgres-") as name:
        folder, port = Path(name), services.free_port()
        if user is not None:
            shutil.chown(folder, user)
        initdb = [services.postgres_program("initdb"), "-D", "data", "-U", "shop", "-A", "trust", "--no-sync"]
        subprocess.run(initdb, cwd=folder, user=user, check=True, capture_output=True)
        command = [services.postgres_program("postgres"), "-D", "data", "-k", name, "-F", "-p", str(port)]
        with services.listening([*command, "-h", "127.0.0.1"], folder, port, user=user):
            yield Service(url=f"postgres://shop@127.0.0.1:{port}/postgres", environment={}, folder=folder)


@pytest.fixture(scope="session")
def caddy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A file server that tells an `ETag`."""
    folder = tmp_path_factory.mktemp("caddy")
    pages = folder / "pages"
    pages.mkdir()
    (pages / "index.html").write_text("<!doctype html><title>News</title><a id=first href=/news/1.html>One</a>")
    (pages / "news").mkdir()
    (pages / "news" / "1.html").write_text("<!doctype html><title>One</title>" + "<p>lorem ipsum</p>" * 100)
    port = services.free_port()
    (folder / "Caddyfile").write_text(CADDY.format(port=port, folder=folder))
    command = [services.program("caddy"), "run", "--config", "Caddyfile", "--adapter", "caddyfile"]
    with services.listening(command, folder, port):
        url = f"http://127.0.0.1:{port}"
        yield Service(url=url, environment={"CADDY_URL": url}, folder=folder)
