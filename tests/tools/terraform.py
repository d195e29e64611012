"""Terraform as a process, and its AWS provider, found where people and Terraform keep providers."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

PROVIDER = "*/hashicorp/aws"
"""Where a mirror has the provider: below the name of the registry that it came from."""

CLEAN, CHANGES = 0, 2
"""How `plan -detailed-exitcode` ends: with nothing to do, or with something."""

PLANNED = re.compile(r"^  # (\S+) (?:will|must) be (.+)$", re.MULTILINE)


def why_absent() -> str | None:
    """What is missing for these tests, or None."""
    if shutil.which("terraform") is None:
        return "no terraform on the PATH"
    if own_settings() is None and provider_mirror() is None:
        return (
            "no AWS provider in Terraform's documented local folders or in a mirror under /opt or "
            "/srv; TF_PLUGIN_CACHE_DIR may name a folder that has it, or TF_CLI_CONFIG_FILE a "
            "configuration that finds it"
        )
    return None


def own_settings() -> Path | None:
    """The configuration of Terraform that whoever runs the tests has named, if it is there."""
    named = Path(os.environ.get("TF_CLI_CONFIG_FILE") or "/nowhere")
    return named if named.is_file() else None


def provider_mirror() -> Path | None:
    """A folder laid out as `terraform providers mirror` does, with the AWS provider in it."""
    for folder in _folders():
        if any(folder.glob(f"{PROVIDER}/**/terraform-provider-aws_*")):
            return folder
    return None


def _folders() -> Iterator[Path]:
    """Source: Terraform's documentation, "Provider Installation", implied local mirrors."""
    if "TF_PLUGIN_CACHE_DIR" in os.environ:
        yield Path(os.environ["TF_PLUGIN_CACHE_DIR"])
    home = Path.home()
    yield home / ".terraform.d" / "plugins"
    shares = os.environ.get("XDG_DATA_DIRS") or "/usr/local/share:/usr/share"
    for share in (
        os.environ.get("XDG_DATA_HOME") or str(home / ".local/share"),
        *shares.split(":"),
    ):
        yield Path(share) / "terraform" / "plugins"
    # Where images of build machines keep what `terraform providers mirror` has made.
    for place in (Path("/opt"), Path("/srv")):
        yield from sorted({found.parents[2] for found in place.glob(f"*/{PROVIDER}")})


class Workspace:
    """A folder that Terraform works in."""

    def __init__(self, folder: Path, endpoint: str) -> None:
        self.folder = folder
        settings = own_settings()
        if settings is None:
            settings = folder / "settings.tfrc"
            settings.write_text(
                "provider_installation {\n"
                f'  filesystem_mirror {{ path = "{provider_mirror()}" }}\n'
                "}\n"
            )
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "TF_CLI_CONFIG_FILE": str(settings),
            "TF_IN_AUTOMATION": "1",
            "TF_INPUT": "0",
            "TF_VAR_endpoint": endpoint,
            "GOGC": "400",  # Half of its seconds go into collecting garbage otherwise.
            "CHECKPOINT_DISABLE": "1",  # It asks its makers for news otherwise.
        }

    def run(self, *arguments: str, code: int = 0) -> str:
        """Its output; raises AssertionError with it where the command ends otherwise."""
        finished = subprocess.run(
            ["terraform", *arguments, "-no-color"],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=240,
        )
        assert finished.returncode == code, f"terraform {arguments}:\n{finished.stdout}"
        return finished.stdout

    def describe(self, *files: Path) -> None:
        """Makes these files the configuration, instead of those before."""
        for old in self.folder.glob("*.tf"):
            old.unlink()
        for path in files:
            shutil.copy(path, self.folder)

    def plan(self, code: int) -> dict[str, str]:
        """What the plan would do to which resource; `code` is CLEAN or CHANGES."""
        told = self.run("plan", "-detailed-exitcode", "-out=planned", code=code)
        return dict(PLANNED.findall(told))
