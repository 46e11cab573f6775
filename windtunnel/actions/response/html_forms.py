"""HTML forms of a response, as a browser would submit them (html.spec.whatwg.org, "constructing the entry list").

{action, method, enctype, fields: {name: text or list}, buttons: [{name, value, text, id, …}]}
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from windtunnel.actions.response.html_xml import compile_elements
from windtunnel.actions.response.links import resolved
from windtunnel.model.http import Exchange

URLENCODED = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data"
PLAIN = "text/plain"

_CONTROLS = frozenset({"input", "select", "textarea", "button"})
_BUTTONS = frozenset({"submit", "image", "button", "reset"})
_WITHOUT_VALUE = {"checkbox": "on", "radio": "on", "color": "#000000", "range": "50"}


def compile_form(selector: str) -> Callable[[Exchange], list[Any]]:
    """The forms that a CSS selector finds, or in which it finds something. Raises ExpressionError."""
    select = compile_elements(selector)

    def find(exchange: Exchange) -> list[Any]:
        found = select(exchange)
        if not found:
            return []
        page = _Page(found[0].getroottree().getroot(), exchange.url)
        forms = {form: None for element in found if (form := page.around.get(element)) is not None}
        return [page.form(form) for form in forms]

    return find


class _Page:
    """The forms of a page. Each element is looked at once: a page may have a hundred thousand.

    `around` is the form that an element is or is in.
    """

    def __init__(self, root: Any, url: str) -> None:
        href = next((base.get("href") for base in root.iter("base") if base.get("href") is not None), None)
        self._url, self._base = url, url if href is None else resolved(url, href) or url
        self.around: dict[Any, Any] = {}
        self._by_id: dict[str, Any] = {}
        self._controls: dict[Any, list[Any]] = {}
        for control in list(self._enabled_controls(root)):
            self._controls.setdefault(self._owner(control), []).append(control)

    def form(self, form: Any) -> dict[str, Any]:
        """What is known of a form, and what it is submitted with."""
        entries: dict[tuple[str, Any], tuple[str, str]] = {}
        buttons = []
        for control in self._controls.get(form, ()):
            kind = _kind(control)
            if kind in _BUTTONS:
                if kind in ("submit", "image"):
                    buttons.append(_button(control, self._base, self._url))
            elif name := control.get("name"):
                if kind == "radio" and control.get("checked") is not None:
                    entries.pop((kind, name), None)  # the last one of a group is the one that is checked
                    entries[kind, name] = name, _values(control, kind)[0]
                else:
                    for value in _values(control, kind):
                        entries["", len(entries)] = name, value
        fields: dict[str, Any] = {}
        for name, value in entries.values():
            fields.setdefault(name, []).append(value)
        return {
            "action": _action(form.get("action"), self._base, self._url),
            "method": _method(form.get("method")),
            "enctype": _enctype(form.get("enctype")),
            "fields": {name: values[0] if len(values) == 1 else values for name, values in fields.items()},
            "buttons": buttons,
        }

    def _owner(self, control: Any) -> Any:
        """The form that a control belongs to: the one that it names, else the one around it."""
        named = control.get("form")
        if named is None:
            return self.around[control]
        found = self._by_id.get(named)
        return found if found is not None and found.tag == "form" else None

    def _enabled_controls(self, root: Any) -> Iterator[Any]:
        """The controls that are not disabled, in order; on the way, what the other methods ask for."""
        from lxml import etree

        form: Any = None
        forms: list[Any] = []
        off = 0  # how many of the elements around turn their controls off
        legends: dict[Any, Any] = {}  # of each disabled fieldset around, the legend whose controls stay on
        for event, element in etree.iterwalk(root, events=("start", "end")):
            tag, parent = element.tag, element.getparent()
            turns = (tag == "fieldset" and element.get("disabled") is not None) or tag == "datalist"
            if event == "end":
                off -= turns
                off += tag == "legend" and legends.get(parent) is element
                if tag == "form":
                    form = forms.pop()
                continue
            if tag == "form":
                forms.append(form)
                form = element
            self.around[element] = form
            if (name := element.get("id")) is not None:
                self._by_id.setdefault(name, element)
            off += turns
            if turns and tag == "fieldset":
                legends[element] = None
            elif tag == "legend" and parent in legends and legends[parent] is None:
                legends[parent] = element
                off -= 1
            elif tag in _CONTROLS and not off and element.get("disabled") is None:
                yield element


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
    if kind == "file":
        return [""]  # no file is chosen, whatever the page says
    if kind == "hidden" and control.get("name", "").lower() == "_charset_":
        return ["UTF-8"]
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
