import re
from pathlib import Path

import pytest

import warehouse_ml as wml
from warehouse_ml.demo import demo, load_flights


def test_the_main_job_runs_on_some_of_the_flights(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    demo(tmp_path / "flights.duckdb", flights=6000)
    text = " ".join(capsys.readouterr().out.split())
    assert text.count("labels that differ 0%") == 3
    ours, theirs = re.search(r"all flights: ([\d.]+) by SQL, ([\d.]+) by the estimator", text).groups()
    assert float(ours) == pytest.approx(float(theirs), rel=1e-6)
    assert "delay (1), late (2)" in text
    with wml.connect(tmp_path / "flights.duckdb", read_only=True) as session:
        assert session.aliases("late") == {"challenger": 2, "champion": 1, "default": 1}


def test_all_flights_join_with_weather_and_planes() -> None:
    with wml.connect() as session:
        load_flights(session)
        query = "SELECT count(*), count(temp), count(seats), count(late) FROM flight_features"
        ((rows, weather, planes, late),) = session.sql(query).fetchall()
    assert rows == 336_776
    assert weather > 0.99 * rows
    assert planes > 0.8 * rows
    assert late == 327_346
