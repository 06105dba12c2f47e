"""Energy is measured or said to be unmeasurable, never guessed."""

from __future__ import annotations

from pathlib import Path

from telesphor.demo.energy import EnergyMeter


def package(folder: Path, name: str, microjoules: int) -> Path:
    zone = folder / name
    zone.mkdir(exist_ok=True)
    (zone / "energy_uj").write_text(f"{microjoules}\n")
    (zone / "max_energy_range_uj").write_text("1000000000\n")
    return zone


def test_used_energy_is_the_difference_of_the_counters(tmp_path: Path) -> None:
    package(tmp_path, "intel-rapl:0", 5_000_000)
    package(tmp_path, "intel-rapl:1", 1_000_000)
    meter = EnergyMeter(tmp_path)
    package(tmp_path, "intel-rapl:0", 8_000_000)
    package(tmp_path, "intel-rapl:1", 3_000_000)
    assert meter.read().joules == 5.0


def test_part_of_a_package_is_not_counted_twice(tmp_path: Path) -> None:
    package(tmp_path, "intel-rapl:0", 0)
    package(tmp_path, "intel-rapl:0:0", 0)
    meter = EnergyMeter(tmp_path)
    package(tmp_path, "intel-rapl:0", 2_000_000)
    package(tmp_path, "intel-rapl:0:0", 1_500_000)
    assert meter.read().joules == 2.0


def test_counter_that_began_anew_is_understood(tmp_path: Path) -> None:
    package(tmp_path, "intel-rapl:0", 999_000_000)
    meter = EnergyMeter(tmp_path)
    package(tmp_path, "intel-rapl:0", 1_000_000)
    assert meter.read().joules == 2.0


def test_machine_without_counters_is_not_measurable(tmp_path: Path) -> None:
    energy = EnergyMeter(tmp_path / "nowhere").read()
    assert energy.joules is None
    assert str(energy).startswith("not measurable here")


def test_counter_that_does_not_answer_is_not_measurable(tmp_path: Path) -> None:
    package(tmp_path, "intel-rapl:0", 0)
    meter = EnergyMeter(tmp_path)
    (tmp_path / "intel-rapl:0" / "energy_uj").unlink()
    assert EnergyMeter(tmp_path).read().joules is None
    assert meter.read().joules is None
