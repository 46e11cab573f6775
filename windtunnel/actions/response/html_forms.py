"""HTML forms of a response, as a browser would submit them (html.spec.whatwg.org, "constructing the entry list").

{action, method, enctype, fields: {name: text or list}, buttons: [{name, value, text, id, …}]}
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from windtunnel.actions.response.html_xml import compile_elements
from windtunnel.actions.response.links import resolved
from windtunnel.model.http import Exchange

URLENCODED = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data"
PLAIN = "text/plain"

_BUTTONS = frozenset({"submit", "image", "button", "reset"})
_WITHOUT_VALUE = {"checkbox": "on", "radio": "on", "color": "#000000", "range": "50"}


def compile_form(selector: str) -> Callable[[Exchange], list[Any]]:
    """The forms that a CSS selector finds, or in which it finds something. Raises ExpressionError."""
    select = compile_elements(selector)

    def find(exchange: Exchange) -> list[Any]:
        forms: dict[Any, None] = {}
        for element in select(exchange):
            form = element if element.tag == "form" else next(element.iterancestors("form"), None)
            if form is not None:
                forms[form] = None
        return [_form(form, exchange.url) for form in forms]

    return find


def _form(form: Any, url: str) -> dict[str, Any]:
    root = form.getroottree().getroot()
    href = next((base.get("href") for base in root.iter("base") if base.get("href") is not None), None)
    base = url if href is None else resolved(url, href) or url
    entries: list[tuple[str, str, str]] = []
    buttons = []
    for control in root.iter("input", "select", "textarea", "button"):
        if _owner(control, root) is not form or _is_disabled(control):
            continue
        kind = _kind(control)
        if kind in _BUTTONS:
            if kind in ("submit", "image"):
                buttons.append(_button(control, base, url))
        elif name := control.get("name"):
            if kind == "radio" and control.get("checked") is not None:
                entries = [entry for entry in entries if entry[:2] != (kind, name)]
            entries += [(kind, name, value) for value in _values(control, kind)]
    fields: dict[str, Any] = {}
    for _, name, value in entries:
        known = fields.get(name)
        fields[name] = value if known is None else [*(known if isinstance(known, list) else [known]), value]
    return {
        "action": _action(form.get("action"), base, url),
        "method": _method(form.get("method")),
        "enctype": _enctype(form.get("enctype")),
        "fields": fields,
        "buttons": buttons,
    }


def _owner(control: Any, root: Any) -> Any:
    """The form that a control belongs to: the one that it names, else the one around it."""
    named = control.get("form")
    if named is None:
        return next(control.iterancestors("form"), None)
    found = next((element for element in root.iter() if element.get("id") == named), None) if named else None
    return found if found is not None and found.tag == "form" else None


def _is_disabled(control: Any) -> bool:
    if control.get("disabled") is not None or next(control.iterancestors("datalist"), None) is not None:
        return True
    inside = [control, *control.iterancestors()]
    for fieldset in control.iterancestors("fieldset"):
        if fieldset.get("disabled") is not None:
            legend = fieldset.find("legend")
            if legend is None or legend not in inside:
                return True
    return False


def _kind(control: Any) -> str:
    if control.tag == "button":
        kind = str(control.get("type", "")).lower()
        return kind if kind in ("button", "reset") else "submit"
    return str(control.get("type", "text")).lower() if control.tag == "input" else str(control.tag)


def _values(control: Any, kind: str) -> list[str]:
    """What a control that is no button is submitted with; nothing where it is not chosen."""
    if kind == "select":
        return _chosen(control)
    if kind == "textarea":
        text = "".join(control.itertext())
        return [text.removeprefix("\r").removeprefix("\n")]
    if kind in ("checkbox", "radio") and control.get("checked") is None:
        return []
    return [str(control.get("value", _WITHOUT_VALUE.get(kind, "")))]


def _chosen(select: Any) -> list[str]:
    options: list[tuple[Any, bool]] = [(option, _is_off(option)) for option in select.iter("option")]
    chosen = [(option, off) for option, off in options if option.get("selected") is not None]
    if select.get("multiple") is None:
        size = str(select.get("size", "1")).strip()
        if not chosen and (not size.isdecimal() or int(size) <= 1):
            chosen = [each for each in options if not each[1]][:1]
        chosen = chosen[-1:]
    return [_option_value(option) for option, off in chosen if not off]


def _is_off(option: Any) -> bool:
    around = option.getparent()
    return option.get("disabled") is not None or (around.tag == "optgroup" and around.get("disabled") is not None)


def _option_value(option: Any) -> str:
    value = option.get("value")
    return " ".join("".join(option.itertext()).split()) if value is None else str(value)


def _button(control: Any, base: str, url: str) -> dict[str, Any]:
    """What a submit button adds, and what it changes of its form."""
    value = control.get("value")
    text = " ".join("".join(control.itertext()).split()) if control.tag == "button" else value or ""
    button = {"name": control.get("name") or "", "value": value or "", "text": text, "id": control.get("id") or ""}
    if _kind(control) == "image":
        button["kind"] = "image"
    if control.get("formaction"):
        button["action"] = _action(control.get("formaction"), base, url)
    if control.get("formmethod") is not None:
        button["method"] = _method(control.get("formmethod"))
    if control.get("formenctype") is not None:
        button["enctype"] = _enctype(control.get("formenctype"))
    return button


def _action(written: str | None, base: str, url: str) -> str | None:
    """The URL that a form is sent to: that of its page where it names none; null where it is no http URL."""
    return resolved(base, written) if written and written.strip() else resolved(url, "")


def _method(written: str | None) -> str:
    return "POST" if (written or "").strip().lower() == "post" else "GET"


def _enctype(written: str | None) -> str:
    kind = (written or "").strip().lower()
    return kind if kind in (MULTIPART, PLAIN) else URLENCODED
