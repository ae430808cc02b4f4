"""A command killed at any moment leaves the file as it was or as it was to be, never something between.

A process is killed before and after each call that it makes of the operating system's file functions, one
process for each such moment; the edit is the command's own.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from runplane.cli.failures import CliError
from runplane.cli.files import replace
from runplane.cli.session.contexts import Home
from runplane.cli.yaml_edit import changed
from support.cli import Line

pytestmark = pytest.mark.detail

OLD = """\
# mine
current-context: gpu
contexts:
- name: gpu
  context: {cluster: c, user: me}
users:
- name: me
  user:
    token: old   # until today
"""

# Kills itself at the moment whose number it is given; a number beyond the last one lets it finish.
VICTIM = """
import os, signal, sys
from pathlib import Path
from runplane.cli.kube.profiles import Profiles, set_user
from runplane.cli.kube.users import use_token
from runplane.cli.session.contexts import Home
import ruamel.yaml.util, ruamel.yaml.scalarstring, ruamel.yaml.comments

path, home = Path(sys.argv[1]), Home(Path(sys.argv[2]))
FILES = ("posix", "_io", "fcntl")

def edit():
    profile = Profiles(path).profile()
    set_user(home, profile, "me", path, lambda user: use_token(user, "new"))

def victim(moment):
    seen = 0
    def watch(frame, event, argument):
        nonlocal seen
        if event in ("c_call", "c_return"):
            of = type(getattr(argument, "__self__", None)).__module__
            owner = getattr(argument, "__module__", None) or of
            if owner in FILES:
                seen += 1
                if seen == moment:
                    os.kill(os.getpid(), signal.SIGKILL)
    sys.setprofile(watch)
    edit()
    sys.setprofile(None)

edit()
before = sys.argv[3]
moment = 0
outcomes = {"old": 0, "new": 0}
while True:
    moment += 1
    path.write_text(before)
    child = os.fork()
    if child == 0:
        try:
            victim(moment)
        finally:
            os._exit(7)
    _, status = os.waitpid(child, 0)
    text = path.read_text()
    if text == before:
        outcomes["old"] += 1
    elif "token: new" in text and text == before.replace("token: old", "token: new"):
        outcomes["new"] += 1
    else:
        sys.exit(f"killed at moment {moment}: {text!r}")
    if os.WIFEXITED(status):
        break
left = sorted(it.name for it in path.parent.iterdir())
print(moment, outcomes["old"], outcomes["new"], *left)
"""


@pytest.mark.slow
def test_killed_at_any_moment_the_kubeconfig_is_whole(line: Line, tmp_path: Path) -> None:
    path = tmp_path / "kube" / "config"
    path.parent.mkdir()
    path.write_text(OLD)
    done = line.program(sys.executable, "-c", VICTIM, path, tmp_path / "home", OLD)
    assert done.returncode == 0, done.stderr
    moments, old, new, *left = done.stdout.split()
    assert int(moments) > 30
    assert int(old) > 20
    assert int(new) > 1
    assert left == ["config"], "the last one removes what the killed ones left"
    edited = OLD.replace("token: old", "token: new")
    assert path.read_text() == edited


def test_what_writers_of_this_machine_left_is_removed_and_nothing_else(tmp_path: Path) -> None:
    target = tmp_path / "config"
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    replace(target, "a")
    mark = ".config.runplane-" + os.uname().nodename + "-"
    stale, alive, other = (
        tmp_path / it for it in (f"{mark}{gone.pid}", f"{mark}{os.getppid()}", ".config.swp")
    )
    for it in (stale, alive, other):
        it.write_text("x")
    replace(target, "b")
    assert [it.exists() for it in (stale, alive, other)] == [False, True, True]
    assert target.read_text() == "b"


def test_a_command_killed_while_it_runs_can_be_run_again(line: Line, tmp_path: Path) -> None:
    # whatever moment it is: importing, waiting for the lock, writing
    line.kubeconfig.parent.mkdir()
    line.kubeconfig.write_text(OLD)
    line.home.mkdir()
    (line.home / "config.yaml").write_text(
        "current: a\nservers: {a: {url: 'http://127.0.0.1:1'}}\ncontexts: {a: {server: a}}\n"
    )
    with Home(line.home).lock("kubeconfig"):
        waiting = line.start("kubeconfig", "set")
        with pytest.raises(subprocess.TimeoutExpired):
            waiting.communicate(timeout=1)
        waiting.send_signal(signal.SIGKILL)
        waiting.communicate(timeout=30)
        assert line.kubeconfig.read_text() == OLD
    line.ok("kubeconfig", "set")
    found = yaml.safe_load(line.kubeconfig.read_text())
    assert found["users"][-1]["user"]["exec"]["args"] == ["auth", "get-token", "--context", "a"]
    assert found["users"][0] == {"name": "me", "user": {"token": "old"}}


def test_a_change_that_the_text_cannot_carry_is_refused(tmp_path: Path) -> None:
    def change(document: object) -> None:
        # applied to the values it is one thing, to the text another
        assert isinstance(document, dict)
        document["kind"] = type(document).__name__

    with pytest.raises(CliError, match="without changing more than asked"):
        changed(tmp_path / "config", OLD, change)
