import json
from pathlib import Path

import pytest
from aws_cdk import App

from cdk.app import build
from cdk.context.config import Config
from tests.cdk.conftest import FLAGS, ROOT
from tests.cdk.front.conftest import Stacks


def test_outside_of_us_east_1_there_are_two_small_stacks_there(doors: Stacks, closed: Stacks) -> None:
    assert set(doors) == {"Lookalike", "Lookalike-Edge-eu-west-1", "Lookalike-EdgeLog-eu-west-1"}
    assert set(closed) == {"Lookalike"}
    kinds = {one["Type"] for name in doors for one in doors[name].body["Resources"].values()}
    assert not [kind for kind in kinds if kind.startswith("Custom::")]


def test_the_script_deploys_all_stacks() -> None:
    assert "cdk deploy --all" in (ROOT / "scripts" / "deploy").read_text()


@pytest.mark.slow
def test_the_stacks_deploy_in_the_order_of_their_references(tmp_path: Path) -> None:
    app = App(context=FLAGS, outdir=str(tmp_path), builtin_cloud_formation_validation=False)
    build(app, Config(region="eu-west-1", front_door=True, stack_name="shop"))
    app.synth()
    found = json.loads((tmp_path / "manifest.json").read_text())["artifacts"]
    stacks = {name: one for name, one in found.items() if one["type"] == "aws:cloudformation:stack"}
    assert "shop-Edge-eu-west-1" in stacks["shop"]["dependencies"]
    assert "shop" in stacks["shop-EdgeLog-eu-west-1"]["dependencies"]
    for name in ("shop-Edge-eu-west-1", "shop-EdgeLog-eu-west-1"):
        assert stacks[name]["environment"] == "aws://unknown-account/us-east-1"
    # Besides the template and the images, only the check of versions is uploaded: no function of the CDK's own.
    assets = json.loads((tmp_path / "shop.assets.json").read_text())
    names = sorted(one["source"]["path"].partition(".")[0] for one in assets["files"].values())
    assert names == ["asset", "shop"]
