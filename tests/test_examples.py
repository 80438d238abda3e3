import re
import runpy
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[1] / "examples"
EXAMPLES = sorted(path.stem for path in FOLDER.glob("*.py"))

# What each one shows, in the order in which it prints it.
SHOWN = {
    "asof_history": (
        r"default is version 1\n.*default is version 2\n",
        r"│     0 │ +\d+ │ +\d+ │ +\d+\.0 │ +\d+\.0 │",
        r"The view is as it was: True\n$",
    ),
    "churn_in_sql": (
        r"churn@1, the champion: accuracy 0\.\d+\nchurn@2, the challenger: accuracy 0\.\d+\n",
        r"On customers that neither has seen: 0\.\d+ against 0\.\d+\n",
        r"Whom to call first:\n(.*\n){5}│  [45]\d{3} │",
    ),
    "import_onnx": (
        r"wine@1: classification of 13 features\n",
        r"largest difference from the colleague's scores: \d\.\de-0[678]\n",
        r"│ barbera +│ +48 │(.*\n)│ barolo +│ +59 │(.*\n)│ grignolino +│ +71 │",
        r"Refused: [1-9]\d* of the scores differ\nregistered: \['wine@1'\]\n$",
    ),
    "penguins_with_gaps": (
        r"│ Torgersen │    NULL │ Adelie  │ NULL    │ Adelie  │\n",
        r"│ Atlantis  │   220\.0 │ Gentoo  │ NULL    │ Gentoo  │\n",
        r"'careful', \*\): The feature 'body_mass_g' is NULL",
    ),
    "snowflake_deploy": (
        r"each flight: No difference in 3,\d{3} rows; numbers are \d(\.\d)?(e-\d\d)? apart at most\.\n",
        r"(.*: No difference in [1-9]\d* rows; .*\n){4}$",
    ),
    "text_in_sql": (
        r"│     3 │ Colis cassé +│ complaint │",
        r"│     1 │ LOVE the coffee, thank you! │ praise    │",
        r"│     5 │ NULL +│ NULL +│ +NULL │\n",
    ),
}


def test_every_example_is_known():
    assert sorted(SHOWN) == EXAMPLES


@pytest.mark.parametrize("name", EXAMPLES)
def test_example_is_one_story(name):
    text = (FOLDER / f"{name}.py").read_text(encoding="utf-8")
    assert text.startswith('"""')
    assert "\ndef main() -> None:\n" in text
    assert len(text.splitlines()) < 60


@pytest.mark.parametrize("name", EXAMPLES)
def test_example_shows_its_story(name, capsys):
    runpy.run_path(str(FOLDER / f"{name}.py"), run_name="__main__")
    printed = capsys.readouterr().out
    assert re.search("(.|\n)*".join(SHOWN[name]), printed), printed


def test_the_challenger_wins(capsys):
    runpy.run_path(str(FOLDER / "churn_in_sql.py"), run_name="__main__")
    champion, challenger = re.findall(r"0\.\d+", capsys.readouterr().out.splitlines()[2])
    assert float(challenger) > float(champion)
