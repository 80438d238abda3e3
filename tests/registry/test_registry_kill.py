import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).with_name("registry_lives.py")


def test_a_hundred_kills_leave_the_old_state_or_the_new_one(tmp_path):
    command = [sys.executable, str(SCRIPT), str(tmp_path), "100", "2026"]
    run = subprocess.run(
        command, capture_output=True, text=True, cwd=SCRIPT.parents[1], env={"PYTHONPATH": "."}
    )
    assert run.returncode == 0, run.stderr
    counts = [int(line.split()[-1]) for line in run.stdout.splitlines()]
    assert len(counts) == 100
    # The processes did get to work before they died.
    assert sum(counts) > 200
