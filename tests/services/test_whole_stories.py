"""Longer journeys on services of other makers than a page has room for: forms of all kinds, and a signed query."""

from __future__ import annotations

from pathlib import Path

import pytest

import windtunnel
from tests.support.services import Service

pytestmark = pytest.mark.slow

USERS = 10

A_GROUP_IN_THE_ADMIN = """
id: a_group_in_the_admin
variables: { title: "Grüße & <{{ run_id }} {{ instance_id }}>" }
flow:
  - type: http
    name: login_page
    path: /admin/login/?next=/admin/
    extract: { login: { form: "#login-form" } }
  - type: http
    name: sign_in
    submit: { form: "{{ login }}", fields: { username: shopper-2, password: pass word 2 } }
  - type: http
    name: new_group
    path: /admin/auth/group/add/
    extract: { group: { form: "#group_form" } }
  - type: http
    name: save_by_the_name_of_a_button
    submit: { form: "{{ group }}", fields: { name: "{{ title }}" }, button: _continue }
    expect: { body: { contains: was added successfully } }
    extract: { group: { form: "#group_form" } }
  - type: http
    name: save_by_the_text_of_a_button
    submit: { form: "{{ group }}", fields: { permissions: [3, 4, 5] }, button: Save and continue editing }
    expect: { body: { contains: was changed successfully } }
    extract: { saved: { form: "#group_form" } }
  - type: assert
    name: what_was_chosen_is_in_the_page
    expect: { condition: "saved.fields.permissions == ['3', '4', '5'] and saved.fields.name == title" }
  - type: http
    name: list
    path: /admin/auth/group/
    extract: { search: { form: "#changelist-search" } }
  - type: http
    name: search_by_get
    submit: { form: "{{ search }}", fields: { q: "{{ title }}" } }
    expect: { body: { contains: 1 group } }
    extract:
      list: { form: "#changelist-form" }
      found: { css: "input[name=_selected_action]::attr(value)", all: true }
  - type: http
    name: delete
    submit:
      form: "{{ list }}"
      fields: { action: delete_selected, _selected_action: "{{ found }}" }
      button: index
    extract: { sure: { form: "form:has(input[name=post])" } }
  - type: http
    name: yes
    submit: { form: "{{ sure }}" }
    expect: { body: { contains: Successfully deleted 1 group } }
    extract: { out: { form: "#logout-form" } }
  - { type: http, name: sign_out, submit: { form: "{{ out }}" }, expect: { body: { contains: Logged out } } }
  - { type: http, name: stranger, path: /admin/, follow_redirects: false, expect: { status_code: 302 } }
"""

SIGNED_QUERY = """
id: signed_query
variables:
  region: eu-central-1
  host: "{{ env.S3_HOST }}"
  folder: "{{ run_id }}/é {{ instance_index }}"
  empty: "{{ '' | sha256 }}"
flow:
  - type: set
    name: signature
    variables:
      time: '{{ now() | date("%Y%m%dT%H%M%SZ") }}'
      scope: "{{ time[:8] }}/{{ region }}/s3/aws4_request"
      query: "list-type=2&prefix={{ folder | urlencode(safe='') }}"
      request: |-
        GET
        /photos
        {{ query }}
        host:{{ host }}
        x-amz-content-sha256:{{ empty }}
        x-amz-date:{{ time }}

        host;x-amz-content-sha256;x-amz-date
        {{ empty }}
      day_key: '{{ hmac("AWS4" ~ env.AWS_SECRET_ACCESS_KEY, time[:8]) }}'
      key: '{{ hmac(hmac(hmac(day_key, region), "s3"), "aws4_request") }}'
      signature: '{{ hmac(key, "AWS4-HMAC-SHA256\\n" ~ time ~ "\\n" ~ scope ~ "\\n" ~ (request | sha256)) }}'
  - type: http
    name: list
    path: /photos
    query: { list-type: 2, prefix: "{{ folder }}" }
    headers:
      X-Amz-Content-SHA256: "{{ empty }}"
      X-Amz-Date: "{{ time }}"
      Authorization: "AWS4-HMAC-SHA256 Credential={{ env.AWS_ACCESS_KEY_ID }}/{{ scope }},\
SignedHeaders=host;x-amz-content-sha256;x-amz-date,Signature={{ signature }}"
    expect:
      status_code: 200
      body: { contains: "<KeyCount>0</KeyCount>" }
"""


def assert_all_pass(scenario: str, service: Service) -> None:
    file = Path("story.yaml")
    file.write_text(scenario)
    result = windtunnel.run(
        sut={"base_url": service.url},
        scenarios=str(file),
        parallel=USERS,
        count=2 * USERS,
        environment=service.environment,
    )
    assert result.summary.run.passed == 2 * USERS, result.output


def test_a_group_is_added_changed_found_and_deleted_by_forms(
    django: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert_all_pass(A_GROUP_IN_THE_ADMIN, django)


def test_a_query_with_other_letters_is_sent_as_it_was_signed(
    s3: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert_all_pass(SIGNED_QUERY, s3)
