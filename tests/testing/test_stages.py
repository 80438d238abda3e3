"""PUT, GET, LIST and REMOVE by Snowpark's own calls."""

import io

import pytest
from snowflake.snowpark.exceptions import SnowparkSQLException


def content(account, path):
    with account.session.file.get_stream(path) as stream:
        return stream.read()


def names(account, path):
    return account.column(f"LIST {path}")


def test_a_file_is_put_and_read_again(account, tmp_path):
    (tmp_path / "model.onnx").write_bytes(bytes(range(256)))
    (done,) = account.session.file.put(str(tmp_path / "model.onnx"), "@files/put/1", auto_compress=False)
    read = content(account, "@files/put/1/model.onnx")
    assert (done.status, read) == ("UPLOADED", bytes(range(256)))


def test_a_path_with_spaces_and_percents_is_put(account, tmp_path):
    (tmp_path / "a b%20c.json").write_text("1")
    account.session.file.put(str(tmp_path / "a b%20c.json"), "@files/spaces", auto_compress=False)
    assert names(account, "@files/spaces") == ["files/spaces/a b%20c.json"]


def test_several_files_are_put_by_a_pattern(account, tmp_path):
    for name in ("a.py", "b.py"):
        (tmp_path / name).write_text(name)
    account.session.file.put(f"{tmp_path}/*.py", "@files/pattern", auto_compress=False)
    assert names(account, "@files/pattern") == ["files/pattern/a.py", "files/pattern/b.py"]


def test_a_file_is_not_overwritten(account):
    account.stage("same/x.json", "1")
    again = account.session.file.put_stream(io.BytesIO(b"2"), "@files/same/x.json", auto_compress=False)
    assert (again.status, content(account, "@files/same/x.json")) == ("SKIPPED", b"1")


def test_a_file_is_overwritten_on_request(account):
    account.stage("other/x.json", "1")
    account.stage("other/x.json", "2", overwrite=True)
    assert content(account, "@files/other/x.json") == b"2"


def test_files_are_compressed_unless_told_otherwise(account):
    account.session.file.put_stream(io.BytesIO(b"text"), "@files/zip/x.json")
    assert names(account, "@files/zip") == ["files/zip/x.json.gz"]


def test_the_digest_is_listed(account):
    account.stage("listed/x.json", "1")
    (row,) = account.sql("LIST '@emulated.public.files/listed/'")
    assert (row["size"], row["md5"]) == (1, "c4ca4238a0b923820dcc509a6f75849b")


def test_files_are_got(account, tmp_path):
    account.stage("got/x.json", "1")
    (done,) = account.session.file.get("@files/got", str(tmp_path))
    assert (done.file, (tmp_path / "x.json").read_text()) == ("x.json", "1")


def test_files_are_removed_by_prefix_and_pattern(account):
    for name in ("a.json", "b.json"):
        account.stage(f"removed/{name}", "1")
    account.sql("REMOVE @files/removed PATTERN = '.*a[.]json'")
    assert names(account, "@files/removed") == ["files/removed/b.json"]


def test_an_empty_place_lists_nothing(account):
    assert account.sql("LIST @files/nothing") == []


@pytest.mark.parametrize(
    "statement",
    ["LIST @nowhere", "PUT 'file:///tmp/x' @nowhere", "GET @nowhere 'file:///tmp'", "DROP STAGE nowhere"],
)
def test_a_stage_that_is_not_there(account, statement):
    with pytest.raises(SnowparkSQLException, match=r"Stage 'EMULATED.PUBLIC.NOWHERE' does not exist"):
        account.sql(statement)


def test_a_path_does_not_leave_its_stage(account):
    with pytest.raises(SnowparkSQLException, match="leaves its stage"):
        account.sql("PUT 'file:///tmp/x' @files/../../escaped")


def test_a_stage_is_made_once(account):
    with pytest.raises(SnowparkSQLException, match="already exists"):
        account.sql("CREATE STAGE files")
    assert "already exists" in account.value("CREATE STAGE IF NOT EXISTS files")


def test_a_replaced_stage_is_empty(account):
    account.sql("CREATE STAGE emptied")
    account.session.file.put_stream(io.BytesIO(b"1"), "@emptied/x", auto_compress=False)
    account.sql("CREATE OR REPLACE STAGE emptied")
    assert account.sql("LIST @emptied") == []


def test_a_dropped_stage_is_gone(account):
    account.sql("CREATE STAGE gone")
    account.sql("DROP STAGE gone")
    assert "already dropped" in account.value("DROP STAGE IF EXISTS gone")
