"""Files are whole or absent."""

import subprocess
import sys
from pathlib import Path

import pytest

from neuroact.atomic import whole_file


def test_the_file_appears_when_the_block_ends(tmp_path: Path) -> None:
    with whole_file(tmp_path / "a") as temporary:
        temporary.write_bytes(b"whole")
        assert not (tmp_path / "a").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert (tmp_path / "a").read_bytes() == b"whole"


def test_an_error_leaves_the_old_file_and_no_rest(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"old")

    def write_half() -> None:
        with whole_file(tmp_path / "a") as temporary:
            temporary.write_bytes(b"half")
            raise RuntimeError("boom")

    with pytest.raises(RuntimeError, match="boom"):
        write_half()
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert (tmp_path / "a").read_bytes() == b"old"


def test_a_killed_process_never_leaves_half_a_file(tmp_path: Path) -> None:
    code = (
        "import os, sys; from pathlib import Path; from neuroact.atomic import whole_file\n"
        "with whole_file(Path(sys.argv[1])) as temporary:\n"
        "    temporary.write_bytes(b'half'); os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "a")], check=False)
    assert not (tmp_path / "a").exists()
    assert all(path.name.startswith(".a.") and path.suffix == ".part" for path in tmp_path.iterdir())
