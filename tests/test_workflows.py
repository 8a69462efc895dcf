"""The workflows that deploy and that look for old versions: GitHub's rules, rights, and the scripts that they run."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
import yaml

from cdk.context.config import Config
from cdk.pipeline.images import IMAGES, PRODUCTION_IMAGES, PRODUCTION_TAGS

ROOT = Path(__file__).parents[1]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
CREDENTIALS = "aws-actions/configure-aws-credentials"
# Each `uses` names a major version; Dependabot and scripts/outdated say when there is a newer one.
ACTIONS = {"actions/checkout", "actions/setup-python", "actions/setup-node", CREDENTIALS}
IMAGE = "lookalike-pipeline-images-1a2b@sha256:" + "0123456789abcdef" * 4
URI = f"123456789012.dkr.ecr.eu-west-1.amazonaws.com/{IMAGE.partition('@')[0]}"


def read(name: str) -> dict[str, Any]:
    # YAML 1.1 reads the key `on` as true.
    described = yaml.safe_load((ROOT / ".github" / "workflows" / f"{name}.yml").read_text(encoding="utf-8"))
    return {"on" if key is True else key: value for key, value in described.items()}


def faults(workflow: dict[str, Any]) -> Iterator[str]:
    """What GitHub would refuse, and what our own rules forbid."""
    jobs = workflow["jobs"]
    if workflow.get("permissions") != {"contents": "read"}:
        yield "the workflow's permissions are not: read the contents"
    if "secrets." in json.dumps(workflow):
        yield "it uses a secret"
    for name, job in jobs.items():
        yield from (f"{name}: {fault}" for fault in _faults_of(job, jobs))


def _faults_of(job: dict[str, Any], jobs: dict[str, Any]) -> Iterator[str]:
    needs = [job["needs"]] if isinstance(job.get("needs"), str) else job.get("needs", [])
    steps = job["steps"]
    text = json.dumps(job)
    yield from (f"no {key}" for key in ("runs-on", "timeout-minutes") if key not in job)
    yield from (f"needs {other}, which is no job" for other in needs if other not in jobs)
    for other, output in re.findall(r"needs\.([\w-]+)\.outputs\.(\w+)", text):
        if other not in needs or output not in jobs.get(other, {}).get("outputs", {}):
            yield f"{other} has no output {output}, or is not needed"
    ids = {step["id"] for step in steps if "id" in step}
    yield from (f"no step {one}" for one in re.findall(r"steps\.([\w-]+)\.", text) if one not in ids)
    used = [step["uses"] for step in steps if "uses" in step]
    yield from (f"action {one}" for one in used if not re.fullmatch(r"[a-z-]+/[a-z-]+@v\d+", one))
    yield from (f"action {one} is not known" for one in used if one.partition("@")[0] not in ACTIONS)
    signs_in = any(one.startswith(CREDENTIALS) for one in used)
    if signs_in is not (job.get("permissions", {}).get("id-token") == "write"):
        yield "the right to get a token does not go with signing in to AWS"
    if signs_in and environment(job) not in Config().github_environments:
        yield f"environment {environment(job)} is not one that the role trusts"
    for step in steps:
        yield from _faults_of_command(step.get("run", ""))


def _faults_of_command(command: str) -> Iterator[str]:
    # A value within a command would be run by the shell; a variable is not.
    if "${{" in command:
        yield f"an expression in a command: {command}"
    if subprocess.run(["bash", "-n"], input=command, text=True, capture_output=True, check=False).returncode:
        yield f"not valid bash: {command}"
    for script in re.findall(r"(?<![\w/])((?:\.ci|scripts)/[\w-]+)", command):
        if not os.access(ROOT / script, os.X_OK):
            yield f"{script} is no program"


def environment(job: dict[str, Any]) -> str | None:
    described = job.get("environment")
    return described["name"] if isinstance(described, dict) else described


@pytest.mark.parametrize("name", [path.stem for path in WORKFLOWS])
def test_a_workflow_follows_the_rules_of_github_and_our_own(name: str):
    assert list(faults(read(name))) == []


def test_the_check_finds_a_faulty_workflow():
    steps = [
        {"uses": "actions/checkout@main"},
        {"uses": "someone/else@v1"},
        {"uses": f"{CREDENTIALS}@v6"},
        {"run": "scripts/none ${{ github.ref }}"},
        {"run": "if true"},
        {"run": "echo", "env": {"A": "${{ needs.b.outputs.x }}", "B": "${{ steps.c.outputs.y }}"}},
    ]
    job = {"needs": "gone", "runs-on": "x", "environment": "preview", "steps": steps}
    found = set(faults({"permissions": "write-all", "jobs": {"a": job}, "env": "${{ secrets.KEY }}"}))
    assert found == {
        "the workflow's permissions are not: read the contents",
        "it uses a secret",
        "a: no timeout-minutes",
        "a: needs gone, which is no job",
        "a: b has no output x, or is not needed",
        "a: no step c",
        "a: action actions/checkout@main",
        "a: action someone/else@v1 is not known",
        "a: the right to get a token does not go with signing in to AWS",
        "a: environment preview is not one that the role trusts",
        "a: an expression in a command: scripts/none ${{ github.ref }}",
        "a: scripts/none is no program",
        "a: not valid bash: if true",
    }


def test_all_workflows_use_the_same_version_of_an_action():
    jobs = [job for path in WORKFLOWS for job in read(path.stem)["jobs"].values()]
    used = {step["uses"] for job in jobs for step in job["steps"] if "uses" in step}
    assert len(used) == len({one.partition("@")[0] for one in used})


def test_production_follows_staging_with_the_same_image_and_after_an_approval():
    jobs = read("deploy")["jobs"]
    assert list(jobs) == ["not-set-up", "test", "image", "staging", "production"]
    assert [jobs[name].get("needs") for name in ("image", "staging", "production")] == [
        "test",
        "image",
        ["image", "staging"],
    ]
    assert [environment(jobs[name]) for name in ("image", "staging", "production")] == [
        "staging",
        "staging",
        "production",
    ]
    assert environment(jobs["test"]) is None
    images = [jobs[name]["steps"][-1]["env"]["IMAGE"] for name in ("staging", "production")]
    assert images == ["${{ needs.image.outputs.image }}"] * 2
    stacks = [jobs[name]["steps"][-1]["env"]["STACK"] for name in ("staging", "production")]
    assert stacks == ["${{ vars.STACK_NAME || 'Lookalike' }}-Staging", "${{ vars.STACK_NAME || 'Lookalike' }}"]
    assert Config().stack_name == "Lookalike"


def test_the_tag_of_a_deployed_image_is_one_that_the_repository_keeps():
    jobs = read("deploy")["jobs"]
    assert fnmatch(jobs["production"]["steps"][-1]["env"]["TAG"], PRODUCTION_TAGS)
    assert not fnmatch(jobs["image"]["steps"][-1]["env"]["TAG"], PRODUCTION_TAGS)


def test_two_deployments_of_a_stack_do_not_overlap_and_none_is_cancelled():
    jobs = read("deploy")["jobs"]
    groups = [jobs[name]["concurrency"] for name in ("staging", "production")]
    assert groups == [
        {"group": "deploy-staging", "cancel-in-progress": False},
        {"group": "deploy-production", "cancel-in-progress": False},
    ]
    # A run that waits for its approval must not hold up the next one's deployment to staging.
    assert "concurrency" not in read("deploy")


def test_without_the_role_a_run_prints_one_line_and_nothing_else_runs():
    jobs = read("deploy")["jobs"]
    assert jobs["not-set-up"]["if"] == "vars.AWS_ROLE_ARN == ''"
    assert jobs["not-set-up"]["permissions"] == {}
    assert jobs["test"]["if"].startswith("vars.AWS_ROLE_ARN != '' &&")
    (step,) = jobs["not-set-up"]["steps"]
    run = subprocess.run(["bash", "-ec", step["run"]], capture_output=True, text=True, check=True)
    assert run.stdout.startswith("::notice::Nothing is deployed: the variable AWS_ROLE_ARN is not set")
    assert run.stdout.count("\n") == 1
    # Every other job needs one that was skipped.
    assert all("needs" in job for name, job in jobs.items() if name not in ("not-set-up", "test"))


def test_the_search_for_old_versions_may_write_issues_and_nothing_else():
    workflow = read("outdated")
    (job,) = workflow["jobs"].values()
    assert job["permissions"] == {"contents": "read", "issues": "write"}
    assert re.fullmatch(r"\d+ \d+ \* \* \d", workflow["on"]["schedule"][0]["cron"])


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """The scripts of the pipeline in a folder, beside stand-ins for AWS, Docker and the scripts that they call."""
    shutil.copytree(ROOT / ".ci", tmp_path / ".ci")
    (tmp_path / "tools").mkdir()
    (tmp_path / "scripts").mkdir()
    answers = {
        "describe-stacks": URI,
        "get-login-password": "password",
        "describe-images": IMAGE.partition("@")[2],
        "batch-get-image": '{"layers": []}',
        "put-image": "{}",
    }
    cases = "".join(f"  *' {action} '*) echo '{answer}' ;;\n" for action, answer in answers.items())
    record = f'#!/bin/sh\nprintf "%s\\n" "$(basename "$0")" "$@" "" >> {tmp_path}/calls\n'
    outputs = '{"Shop-Staging": {"ApiUrl": "https://api.example"}}'
    programs = {
        "tools/aws": f'{record}case " $* " in\n{cases}esac\n',
        "tools/docker": f"{record}cat >/dev/null\n",
        "scripts/deploy": f"{record}mkdir -p cdk.out\necho '{outputs}' > cdk.out/outputs.json\necho from the CDK\n",
        "scripts/smoke": f'{record}exit "${{SMOKE_RESULT:-0}}"\n',
    }
    for name, text in programs.items():
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    return tmp_path


def call(checkout: Path, script: str, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environ = {"PATH": f"{checkout}/tools:{os.environ['PATH']}", **variables}
    command = [str(checkout / ".ci" / script), *arguments]
    return subprocess.run(command, env=environ, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)


def calls(checkout: Path) -> list[list[str]]:
    file = checkout / "calls"
    return [one.split("\n") for one in file.read_text().strip("\n").split("\n\n")] if file.exists() else []


def test_the_image_is_built_without_attestations_and_named_by_its_digest(checkout: Path):
    run = call(checkout, "build", "Shop", "build-7-1", CONTEXT="memory=2048")
    assert (run.returncode, run.stdout) == (0, f"image={IMAGE}\n"), run.stderr
    stacks, *_, describe = calls(checkout)
    (build,) = (one for one in calls(checkout) if one[:3] == ["docker", "buildx", "build"])
    assert stacks[stacks.index("--stack-name") + 1] == "Shop-Pipeline"
    assert {"--provenance=false", "--sbom=false", "--push"} <= set(build)
    assert build[build.index("--tag") + 1] == f"{URI}:build-7-1"
    assert build[build.index("--platform") + 1] == "linux/amd64"
    assert "imageTag=build-7-1" in describe
    assert (ROOT / build[build.index("--file") + 1]).is_file()


def test_the_architecture_of_the_context_decides_the_platform(checkout: Path):
    assert call(checkout, "build", "Shop", "t", CONTEXT="memory=2048\narchitecture=arm64\n").returncode == 0
    assert [one[one.index("--platform") + 1] for one in calls(checkout) if "--platform" in one] == ["linux/arm64"]
    refused = call(checkout, "build", "Shop", "t", CONTEXT="architecture=riscv")
    assert (refused.returncode, refused.stdout) == (2, "")


def test_without_a_digest_or_a_repository_nothing_is_named(checkout: Path):
    tool = checkout / "tools" / "aws"
    whole = tool.read_text()
    for answer, reason in ((IMAGE.partition("@")[2], "gave no digest"), (URI, "has no output RepositoryUri")):
        tool.write_text(whole.replace(answer, "None"))
        run = call(checkout, "build", "Shop", "t")
        assert (run.returncode, run.stdout) == (1, "")
        assert reason in run.stderr


def test_an_image_is_deployed_with_the_context_of_its_environment_and_then_checked(checkout: Path):
    context = "auth=none\n\norigins=https://shop.example, https://www.shop.example\r\nlatencyAlarmMs=2000"
    run = call(checkout, "deploy", "Shop-Staging", IMAGE, CONTEXT=context, SMOKE_OPTIONS="--sigv4 --allow-empty")
    assert (run.returncode, run.stdout) == (0, "url=https://api.example\n"), run.stderr
    deploy, smoke = calls(checkout)
    pairs = dict(deploy[place + 1].split("=", 1) for place, word in enumerate(deploy) if word == "-c")
    config = Config.from_context(pairs)
    assert (config.stack_name, config.image, config.latency_alarm_ms) == ("Shop-Staging", IMAGE, 2000)
    assert config.origins == ("https://shop.example", "https://www.shop.example")
    assert deploy[1:3] == ["--require-approval", "never"]
    assert smoke == ["smoke", "--url", "https://api.example", "--sigv4", "--allow-empty"]


def test_a_service_that_fails_its_check_fails_the_deployment(checkout: Path):
    run = call(checkout, "deploy", "Shop-Staging", IMAGE, SMOKE_RESULT="1")
    assert (run.returncode, run.stdout) == (1, "url=https://api.example\n")


def test_an_image_for_production_gets_a_tag_that_keeps_it(checkout: Path):
    assert call(checkout, "deploy", "Shop-Staging", IMAGE, "production-7-1").returncode == 0
    get, put, deploy, _ = calls(checkout)
    repository, _, digest = IMAGE.partition("@")
    assert get[get.index("--image-ids") + 1] == f"imageDigest={digest}"
    given = dict(zip(put[3::2], put[4::2], strict=True))
    assert given == {
        "--repository-name": repository,
        "--image-tag": "production-7-1",
        "--image-digest": digest,
        "--image-manifest": '{"layers": []}',
    }
    assert deploy[0] == "deploy"


@pytest.mark.parametrize(
    "line", ["stackName=Other", f"image={IMAGE}", "githubRepository=a/b", "rebuild=x", "-c memory=1", "memory"]
)
def test_a_context_that_is_not_one_or_that_the_pipeline_decides_is_refused(checkout: Path, line: str):
    run = call(checkout, "deploy", "Shop-Staging", IMAGE, CONTEXT=f"memory=2048\n{line}")
    assert (run.returncode, run.stdout, calls(checkout)) == (2, "", [])
    assert line.partition("=")[0] in run.stderr


def test_the_scripts_that_the_pipeline_calls_exist():
    text = "".join((ROOT / ".ci" / name).read_text() for name in ("build", "deploy"))
    called = set(re.findall(r"^scripts/[a-z-]+", text, re.MULTILINE))
    assert called == {"scripts/deploy", "scripts/smoke"}
    assert all(os.access(ROOT / name, os.X_OK) for name in called)


def test_the_documentation_names_every_variable_and_the_number_of_images_that_are_kept():
    text = (ROOT / "docs" / "aws.md").read_text(encoding="utf-8")
    section = text.partition("\n## Pipeline\n")[2].partition("\n## ")[0]
    used = set(re.findall(r"vars\.([A-Z_]+)", (ROOT / ".github" / "workflows" / "deploy.yml").read_text()))
    assert set(re.findall(r"^ +\| `([A-Z_]+)` \|", section, re.MULTILINE)) == used
    words = " ".join(section.split())
    assert f"last {PRODUCTION_IMAGES} images that were deployed to production, and the last {IMAGES} of all" in words
