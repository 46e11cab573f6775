"""One version and one image: the package, the Dockerfile, both actions and GitLab's template."""

import re

import yaml

import windtunnel
from tests.support import ROOT

IMAGE = "ghcr.io/windtunnel/action"
DIGEST = rf"{re.escape(IMAGE)}@sha256:[0-9a-f]{{64}}"


def image_of_the_action() -> str:
    image: str = yaml.safe_load((ROOT / "action.yml").read_text())["runs"]["image"]
    return image


def image_of_the_host_action() -> str:
    [step] = yaml.safe_load((ROOT / "host/action.yml").read_text())["runs"]["steps"]
    image: str = step["env"]["WINDTUNNEL_IMAGE"]
    return image


def image_of_the_template() -> str:
    [spec, _] = yaml.safe_load_all((ROOT / "templates/windtunnel.yml").read_text())
    image: str = spec["spec"]["inputs"]["image"]["default"]
    return image


def test_both_actions_and_the_template_run_the_same_image() -> None:
    image = image_of_the_action()
    if image == "Dockerfile":
        assert image_of_the_host_action() == "Dockerfile"
        assert image_of_the_template() == f"{IMAGE}:{windtunnel.__version__}"
    else:
        assert re.fullmatch(f"docker://{DIGEST}", image)
        assert {image_of_the_host_action(), image_of_the_template()} == {image.removeprefix("docker://")}


def test_the_image_is_labelled_with_the_version_of_the_package() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text()
    assert re.findall(r'image\.version="([^"]*)"', dockerfile) == [windtunnel.__version__]
