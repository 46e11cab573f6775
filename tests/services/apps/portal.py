"""Django with its admin and an OAuth2 server, and four small views that answer as services of that kind do.

The admin and the OAuth2 server (django-oauth-toolkit) are as they come. The
database is a file in the working directory.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
import time
from pathlib import Path
from typing import Any

import django
from django.conf import settings
from jwcrypto import jwk

settings.configure(
    ALLOWED_HOSTS=["127.0.0.1"],
    SECRET_KEY="of this test alone",
    ROOT_URLCONF=__name__,
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": Path.cwd() / "portal.sqlite3",
            "OPTIONS": {"timeout": 30, "transaction_mode": "IMMEDIATE"},
        }
    },
    INSTALLED_APPS=[
        "django.contrib.admin",
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "django.contrib.messages",
        "django.contrib.sessions",
        "oauth2_provider",
    ],
    MIDDLEWARE=[
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "django.contrib.messages.middleware.MessageMiddleware",
    ],
    TEMPLATES=[
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "APP_DIRS": True,
            "OPTIONS": {
                "context_processors": [
                    "django.template.context_processors.request",
                    "django.contrib.auth.context_processors.auth",
                    "django.contrib.messages.context_processors.messages",
                ]
            },
        }
    ],
    PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],  # the others take their time on purpose
    STATIC_URL="static/",
    LOGIN_URL="/admin/login/",
    OAUTH2_PROVIDER={
        "PKCE_REQUIRED": True,
        "SCOPES": {"openid": "Who you are", "read": "Read", "write": "Write"},
        "OIDC_ENABLED": True,
        "OIDC_RSA_PRIVATE_KEY": jwk.JWK.generate(kty="RSA", size=2048).export_to_pem(True, None).decode(),
    },
    USE_TZ=True,
)
django.setup()

# Django has to be set up before these can be imported.
from django.contrib import admin  # noqa: E402
from django.contrib.auth.models import User  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.http import HttpResponse, JsonResponse  # noqa: E402
from django.urls import include, path  # noqa: E402
from django.views.decorators.csrf import csrf_exempt  # noqa: E402
from oauth2_provider.decorators import protected_resource  # noqa: E402
from oauth2_provider.models import get_application_model  # noqa: E402

STATE: dict[str, Any] = {}
"""What the views keep: the hook's secret, files, orders and jobs."""

LOCK = threading.Lock()
LOOKS_UNTIL_DONE = 3


def application(given: str) -> Any:
    """The site with the accounts and OAuth2 clients that a JSON text names."""
    told = json.loads(given)
    STATE.update(secret=told["hook_secret"], files={}, orders={}, jobs={})
    call_command("migrate", verbosity=0)
    for name, password in told["accounts"].items():
        User.objects.create_superuser(name, password=password)
    for client in told["clients"]:
        get_application_model().objects.create(**client)
    return get_wsgi_application()


def me(request: Any) -> Any:
    """Whose token it is; a client's own token is of no user."""
    return JsonResponse({"user": request.resource_owner.username if request.resource_owner else None})


def hook(request: Any) -> Any:
    """A webhook: `X-Signature: t=<unix seconds>,v1=<HMAC-SHA256 of "t.body">`, at most five minutes old."""
    parts = dict(part.split("=", 1) for part in request.headers.get("X-Signature", "").split(",") if "=" in part)
    text = parts.get("t", "").encode() + b"." + request.body
    expected = hmac.new(STATE["secret"].encode(), text, "sha256").hexdigest()
    if not hmac.compare_digest(expected, parts.get("v1", "")):
        return JsonResponse({"error": "the signature does not match"}, status=401)
    if abs(time.time() - int(parts["t"])) > 300:
        return JsonResponse({"error": "too old"}, status=401)
    return JsonResponse({"received": json.loads(request.body)["id"]})


def file(request: Any, name: str) -> Any:
    """A store of files that takes nothing without its digest (RFC 9530)."""
    if request.method == "GET":
        kept = STATE["files"].get(name)
        return HttpResponse(status=404) if kept is None else HttpResponse(kept, headers=digest_of(kept))
    expected = digest_of(request.body)
    if request.headers.get("Content-Digest") != expected["Content-Digest"]:
        return JsonResponse({"error": "the digest does not match"}, status=400)
    STATE["files"][name] = request.body
    return HttpResponse(status=201, headers={"Location": f"/files/{name}", **expected})


def digest_of(content: bytes) -> dict[str, str]:
    digest = base64.b64encode(hashlib.sha256(content).digest()).decode()
    return {"Content-Digest": f"sha-256=:{digest}:"}


def orders(request: Any) -> Any:
    """One order for a key, however often it is sent; another order under the same key is refused."""
    key = request.headers.get("Idempotency-Key")
    if not key:
        return JsonResponse({"error": "Idempotency-Key is missing"}, status=400)
    with LOCK:
        known = STATE["orders"].get(key)
        if known is None:
            known = STATE["orders"][key] = (request.body, f"order-{len(STATE['orders']) + 1}")
            return JsonResponse({"id": known[1]}, status=201)
    if known[0] != request.body:
        return JsonResponse({"error": "this key was used for another order"}, status=422)
    return JsonResponse({"id": known[1]}, status=201, headers={"Idempotent-Replayed": "true"})


def orders_kept(request: Any) -> Any:
    return JsonResponse({"orders": len(STATE["orders"])})


def jobs(request: Any) -> Any:
    with LOCK:
        number = len(STATE["jobs"]) + 1
        STATE["jobs"][number] = 0
    return HttpResponse(status=202, headers={"Location": f"http://{request.get_host()}/jobs/{number}"})


def job(request: Any, number: int) -> Any:
    """A job that is done when it is looked at the third time."""
    with LOCK:
        STATE["jobs"][number] += 1
    if STATE["jobs"][number] < LOOKS_UNTIL_DONE:
        return JsonResponse({"status": "running"})
    return JsonResponse({"status": "done", "result": f"/jobs/{number}/report.csv"})


def report(request: Any, number: int) -> Any:
    return HttpResponse("item,sold\nlantern,3\n", content_type="text/csv")


urlpatterns = [
    path("admin/", admin.site.urls),
    path("o/", include("oauth2_provider.urls", namespace="oauth2_provider")),
    path("api/me", protected_resource(scopes=["read"])(me)),
    path("hooks/orders", csrf_exempt(hook)),
    path("files/<str:name>", csrf_exempt(file)),
    path("orders", csrf_exempt(orders)),
    path("orders/kept", orders_kept),
    path("jobs", csrf_exempt(jobs)),
    path("jobs/<int:number>", job),
    path("jobs/<int:number>/report.csv", report),
]
