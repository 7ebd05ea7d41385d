"""Percentiles by nearest rank, in bounded memory."""

from claude_otel.cli.sample import Sample


def filled(values: list[float], limit: int = 5000) -> Sample:
    sample = Sample(limit)
    for value in values:
        sample.add(value)
    return sample


def test_percentiles_are_measured_values() -> None:
    """Nearest rank: the 95th of 20 is the 19th, the median of 4 is the 2nd."""
    assert filled([float(n) for n in range(20, 0, -1)]).percentile(0.95) == 19
    assert filled([4.0, 1.0, 3.0, 2.0]).percentile(0.5) == 2
    assert filled([7.0]).percentile(0.95) == 7


def test_no_numbers_have_no_percentile() -> None:
    """Nothing measured is not zero."""
    sample = Sample()
    sample.add(None)
    assert (sample.percentile(0.5), sample.count) == (None, 0)


def test_beyond_the_limit_a_fair_sample_is_kept() -> None:
    """Memory is bounded, and the sample says that it is one."""
    sample = filled([float(n) for n in range(20_000)], limit=2000)
    assert (len(sample.values), sample.count, sample.exact) == (2000, 20_000, False)
    median = sample.percentile(0.5)
    assert median is not None
    assert 8_500 < median < 11_500
