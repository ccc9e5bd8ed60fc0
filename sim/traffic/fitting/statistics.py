"""Statistics of a stream of requests: dispersion, correlation and the FIFO wait ruler."""

from __future__ import annotations

import numpy as np

from sim.interfaces import FloatArray, IntArray
from sim.traffic.trace import AnyArray

IDC_WINDOWS_S = (1.0, 10.0, 60.0, 300.0)
RULER_LOAD = 0.7


def counts(arrival_s: FloatArray, window_s: float, span_s: float) -> IntArray:
    """Return arrivals per whole window; a last partial window is left out.

    Args:
        arrival_s: arrival times [s], sorted.
        window_s: length of a window [s].
        span_s: length of the observation [s].
    """
    edges = np.arange(int(span_s / window_s) + 1) * window_s
    return np.diff(np.searchsorted(arrival_s, edges)).astype(np.int64)


def dispersion(arrival_s: FloatArray, window_s: float, span_s: float) -> float:
    """Return the index of dispersion for counts: sample variance over mean of `counts`.

    It is 1 for a Poisson process at every window. NaN with fewer than two windows.
    """
    per_window = counts(arrival_s, window_s, span_s)
    if len(per_window) < 2 or not per_window.any():
        return float("nan")
    return float(per_window.var(ddof=1) / per_window.mean())


def empty_share(arrival_s: FloatArray, window_s: float, span_s: float) -> float:
    """Return the share of whole windows without an arrival."""
    per_window = counts(arrival_s, window_s, span_s)
    return float((per_window == 0).mean()) if len(per_window) else float("nan")


def gap_cv(arrival_s: FloatArray) -> float:
    """Return the coefficient of variation of the inter-arrival times."""
    gaps = np.diff(arrival_s)
    return float(gaps.std() / gaps.mean()) if len(gaps) and gaps.mean() > 0 else float("nan")


def autocorrelation(series: AnyArray, lag: int = 1) -> float:
    """Return the autocorrelation of a series at ``lag``; NaN for a constant or short one."""
    centred = np.asarray(series, dtype=np.float64) - np.mean(series) if len(series) > lag else None
    if centred is None or not (power := float(centred @ centred)):
        return float("nan")
    return float(centred[:-lag] @ centred[lag:]) / power


def rate_size_correlation(arrival_s: FloatArray, tokens: AnyArray, window_s: float = 60.0) -> float:
    """Return the correlation of arrivals per window with the mean length in the window.

    Windows without a request have no mean and are left out; the last, partial one counts.
    """
    if len(arrival_s) == 0:
        return float("nan")
    windows = int(arrival_s[-1] / window_s) + 1
    starts = np.searchsorted(arrival_s, np.arange(windows + 1) * window_s)
    per_window = np.diff(starts)
    sums = np.concatenate([[0.0], np.cumsum(tokens, dtype=np.float64)])
    total = np.diff(sums[starts])
    busy = per_window > 0
    rate, mean = per_window[busy].astype(np.float64), total[busy] / per_window[busy]
    if len(rate) < 3 or rate.std() == 0 or mean.std() == 0:
        return float("nan")
    return float(np.corrcoef(rate, mean)[0, 1])


def ruler_work(input_tokens: AnyArray, output_tokens: AnyArray) -> FloatArray:
    """Return the work of each request on the wait ruler, in / 1000 + out / 20 [arbitrary]."""
    return np.asarray(input_tokens / 1000.0 + output_tokens / 20.0)


def ruler_waits(arrival_s: FloatArray, work: FloatArray, load: float = RULER_LOAD) -> FloatArray:
    """Return the wait of each request in a FIFO single server at a given load [s].

    A ruler for arrivals and sizes together, not a model of a GPU: the server's speed is set so
    that the whole stream loads it by ``load``. Lindley's recursion in closed form: the wait is
    the distance of the net-work random walk above its running minimum (D. V. Lindley, Math.
    Proc. Cambridge Phil. Soc. 48, 1952, doi 10.1017/S0305004100027638).

    Args:
        arrival_s: arrival times [s], sorted.
        work: work of each request, any unit.
        load: utilisation of the server, below 1.
    """
    if len(arrival_s) < 2:
        return np.zeros(len(arrival_s))
    if arrival_s[-1] == arrival_s[0]:
        return np.full(len(arrival_s), np.nan)  # all at one instant: there is no load
    speed = work.sum() / ((arrival_s[-1] - arrival_s[0]) * load)
    net_s = work[:-1] / speed - np.diff(arrival_s)
    walk = np.concatenate([[0.0], np.cumsum(net_s)])
    return np.asarray(walk - np.minimum.accumulate(walk))
