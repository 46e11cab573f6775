"""S3 in memory (moto), which checks the signature of every request, and of a body that it is what was signed."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable, Iterable
from typing import Any

import boto3
from moto import mock_aws, settings
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

Wsgi = Callable[[dict[str, Any], Any], Iterable[bytes]]

REGION = "eu-central-1"
BUCKET = "photos"
EVERYTHING = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
TOLD: dict[str, str] = {}
"""The user's access key and its secret, once there is one."""


def application() -> Wsgi:
    """The store with one bucket and one user."""
    settings.INITIAL_NO_AUTH_ACTION_COUNT = float("inf")
    setup = {"region_name": REGION, "aws_access_key_id": "setup", "aws_secret_access_key": "setup"}
    mock = mock_aws()
    mock.start()
    users = boto3.client("iam", **setup)
    users.create_user(UserName="uploader")
    users.put_user_policy(UserName="uploader", PolicyName="all", PolicyDocument=json.dumps(EVERYTHING))
    key = users.create_access_key(UserName="uploader")["AccessKey"]
    place = {"LocationConstraint": REGION}
    boto3.client("s3", **setup).create_bucket(Bucket=BUCKET, CreateBucketConfiguration=place)
    mock.stop(remove_data=False)
    settings.INITIAL_NO_AUTH_ACTION_COUNT = 0
    TOLD.update(AWS_ACCESS_KEY_ID=key["AccessKeyId"], AWS_SECRET_ACCESS_KEY=key["SecretAccessKey"])
    return body_checked(DomainDispatcherApplication(create_backend_app))


def body_checked(inner: Wsgi) -> Wsgi:
    """Refuses a body that is not the one whose digest the request tells: moto takes the digest as it is told."""

    def answer(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        if environ.get("HTTP_X_AMZ_CONTENT_SHA256") != hashlib.sha256(body).hexdigest():
            start_response("400 Bad Request", [("Content-Type", "application/xml")])
            return [b"<Error><Code>XAmzContentSHA256Mismatch</Code></Error>"]
        environ["wsgi.input"] = io.BytesIO(body)
        return inner(environ, start_response)

    return answer
