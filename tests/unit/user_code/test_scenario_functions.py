"""`@scenario` makes a value of a function; the loader finds such values in a file, or says what is wrong."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from windtunnel import User, scenario
from windtunnel.errors import ConfigError
from windtunnel.project import Project
from windtunnel.user_code.modules import function_in
from windtunnel.user_code.scenario import scenarios_in

SHOP = '''
from windtunnel import scenario

@scenario("buy", weight=3, tags={"team": "cart"})
async def buy(user):
    """Somebody buys.

    And pays.
    """

@scenario("look")
async def look(user):
    pass
'''


WriteText = Callable[..., str]


@pytest.fixture
def write(tmp_path: Path) -> WriteText:
    """`write(text, name)`: writes a file and returns its path."""

    def write_it(text: str, name: str = "shop.py") -> str:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return str(path)

    return write_it


def problem(path: str) -> str:
    with pytest.raises(ConfigError) as caught:
        scenarios_in(path)
    return str(caught.value).replace(str(Path(path).parent), "FOLDER")


def test_a_function_becomes_a_value_that_can_still_be_called() -> None:
    seen: list[object] = []

    @scenario("journey", weight=2)
    async def journey(user: User) -> None:
        seen.append(user)

    assert (journey.id, journey.weight, journey.name, journey.on_failure) == ("journey", 2, "journey", "continue")
    somebody: Any = "somebody"
    coroutine: Any = journey(somebody)
    with pytest.raises(StopIteration):
        coroutine.send(None)
    assert seen == ["somebody"]


def test_a_file_has_its_scenarios_in_their_order(write: WriteText) -> None:
    found = scenarios_in(write(SHOP))
    assert [each.id for each in found] == ["buy", "look"]
    assert found[0].description == "Somebody buys."
    assert found[0].line == 4


def test_scenarios_that_a_file_imports_are_those_of_another_file(write: WriteText) -> None:
    write(SHOP, "shop.py")
    other = write(
        "import windtunnel\nfrom shop import buy\n\n@windtunnel.scenario('own')\nasync def own(user): ...\n",
        "b.py",
    )
    assert [each.id for each in scenarios_in(other)] == ["own"]


def test_a_file_that_has_not_changed_is_executed_once(write: WriteText) -> None:
    path = write("COUNT = []\n" + SHOP)
    assert scenarios_in(path)[0].function is scenarios_in(path)[0].function
    write(SHOP.replace("weight=3", "weight=4"))
    assert scenarios_in(path)[0].weight == 4


def test_a_scenario_is_sent_to_another_process_by_its_file_and_id(write: WriteText) -> None:
    sent = pickle.dumps(scenarios_in(write(SHOP))[0])
    assert b"buy" in sent
    assert pickle.loads(sent).id == "buy"


def test_a_scenario_inside_a_function_cannot_be_sent() -> None:
    @scenario("inside")
    async def inside(user: User) -> None: ...

    with pytest.raises(ConfigError, match="is not defined at the top level of"):
        pickle.loads(pickle.dumps(inside))


def test_a_file_without_a_scenario(write: WriteText) -> None:
    assert problem(write("x = 1\n")).splitlines()[0] == 'there is no scenario in "FOLDER/shop.py"'


def test_an_error_on_the_way_is_shown_at_its_line(write: WriteText) -> None:
    path = write("import json\n\n\ndef load():\n    return json.loads('')\n\n\nDATA = load()\n")
    assert problem(path) == (
        "FOLDER/shop.py:5:5: this file can't be loaded: "
        "JSONDecodeError: Expecting value: line 1 column 1 (char 0)\n"
        "  5 |     return json.loads('')\n"
        "    |     ^^^^^^^^^^^^^^^^^^^^^"
    )


def test_a_syntax_error_is_shown_at_its_place(write: WriteText) -> None:
    assert problem(write("async def f(:\n    pass\n")).startswith(
        "FOLDER/shop.py:1:13: this file can't be loaded: SyntaxE"
    )


def test_a_module_that_is_not_installed(write: WriteText) -> None:
    told = problem(write("import no_such_module_of_anybody\n"))
    assert "this file can't be loaded: No module named 'no_such_module_of_anybody'" in told
    assert "help: install it" in told


def test_a_file_that_exits_takes_nobody_with_it(write: WriteText) -> None:
    assert "this file can't be loaded: SystemExit: 3" in problem(write("import sys\nsys.exit(3)\n"))


@pytest.mark.parametrize(
    ("decorated", "said"),
    [
        ("@scenario('a')\ndef f(user): ...", 'the scenario "a" must be a function: async def f(user)'),
        (
            "@scenario('a', weight=0)\nasync def f(user): ...",
            "weight must be a whole number above zero",
        ),
        ("@scenario\nasync def f(user): ...", 'a scenario needs an id: @scenario("checkout")'),
        (
            "@scenario('a', on_failure='go')\nasync def f(user): ...",
            'on_failure must be "continue" or "stop", not',
        ),
        ("@scenario('a', wight=1)\nasync def f(user): ...", "unexpected keyword argument 'wight'"),
    ],
)
def test_what_cannot_be_a_scenario_is_said_at_its_line(write: WriteText, decorated: str, said: str) -> None:
    told = problem(write(f"from windtunnel import scenario\n{decorated}\n"))
    # Python 3.10 applies a decorator on the line of the function.
    assert "shop.py:2:" in told or "shop.py:3:" in told
    assert said in told


def test_a_function_is_found_beside_the_scenario(write: WriteText, tmp_path: Path) -> None:
    write("def sign(context):\n    return 1\n", "signing.py")
    assert function_in(str(tmp_path), "signing:sign", Project().around(tmp_path / "a.yaml"))(None) == 1
    assert function_in(str(tmp_path), "os.path:join", Project())("a", "b") == "a/b"


@pytest.mark.parametrize(
    ("call", "said", "hint"),
    [
        ("signing", '"signing" is not module:function', "call: my_module:my_function"),
        ("signing:sing", 'there is no function "sing" in the module "signing"', 'did you mean "sign"?'),
        ("sining:sign", 'there is no module "sining"', 'did you mean "signing"?'),
        ("signing:KEY", '"KEY" of the module "signing" can\'t be called', None),
    ],
)
def test_a_function_that_is_not_there(
    write: WriteText, tmp_path: Path, call: str, said: str, hint: str | None
) -> None:
    write("KEY = 1\ndef sign(context): ...\n", "signing.py")
    with pytest.raises(ConfigError) as caught:
        function_in(str(tmp_path), call, Project().around(tmp_path / "a.yaml"))
    (found,) = caught.value.problems
    assert (found.message, found.hint) == (said, hint)
