"""How many cores a process uses: all it has, until it is told otherwise."""

import subprocess
import sys

from neuroact.cores import granted

ASK = "from neuroact.cores import cores, use_cores; before = cores(); use_cores(3); print(before, cores())"


def test_all_cores_until_told_otherwise() -> None:
    answer = subprocess.run([sys.executable, "-c", ASK], capture_output=True, text=True, check=True)
    assert answer.stdout.split() == [str(granted()), "3"]
