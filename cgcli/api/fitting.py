"""What a formula can be asked about tables as a whole: its fit to them, sums over their rows."""

from __future__ import annotations

from cgcli.formulas.base import FormulaBase

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from os import PathLike
    from typing import Any

    from cgcli.cluster.executor import Executor


class Fitting(FormulaBase):
    """Fits, and sums over rows."""

    def fit(
        self, data: Any, *, target: str | None = None, start: Mapping[str, Any] | None = None,
        fix: Mapping[str, Any] | Sequence[str] | str | None = None, wrt: Sequence[str] | None = None,
        bounds: Mapping[str, tuple[float | None, float | None]] | None = None, sigma: str | float | None = None,
        absolute_sigma: bool = False, loss: str = "linear", loss_scale: float = 1.0, starts: int | None = None,
        seed: int | None = None, columns: Mapping[str, str] | None = None, missing: str | None = None,
        limit: int | None = None, most: int = 1000, save: str | PathLike[str] | None = None,
        resume: str | PathLike[str] | None = None, by: str | Sequence[str] | None = None,
        share: str | Sequence[str] | None = None, sigma_x: str | float | Mapping[str, Any] | None = None,
        cluster: str | Executor | None = None, **training: Any,
    ) -> Any:  # fmt: skip
        """The parameters with which the formula is nearest to a target, row by row: see `cgcli.fitting.fit.fit`.

        data: a path, a DataFrame, an Arrow table, a mapping of arrays. target: a column or a formula over columns.
        start: parameter -> number, array, or a pair (low, high) to start in; what has none is found. save: a file that
        is written from time to time; resume: go on from it, to the same bits as if nothing had happened.

        by: columns whose values tell groups of rows apart; each group is fitted, and the result is a
        `cgcli.fitting.groups.grouped.GroupedFit`. share: parameters that all groups have in common.

        cluster: the passes over the rows of files run on the workers of Dask, as for `grad_sum`; the same bits.

        Where `loss` is an output of the formula, its mean over the rows is made small instead: see
        `cgcli.fitting.training.train` for the further options (method, epochs, batch, rate, validate, patience …).
        """
        from cgcli.fitting.choosing import check_groups, is_training, refuse_cluster, refuse_options

        if is_training(self, loss, training):
            from cgcli.fitting.training.train import train

            refuse_cluster(cluster)
            refuse_options(target=target, bounds=bounds, sigma=sigma, by=by, share=share, sigma_x=sigma_x,
                           starts=starts, absolute_sigma=absolute_sigma or None,
                           loss_scale=None if loss_scale == 1 else loss_scale)  # fmt: skip
            if seed is not None:  # a training that is resumed keeps its own
                training["seed"] = seed
            return train(
                self, data, loss=loss, start=start, fix=fix, wrt=wrt, columns=columns, missing=missing, limit=limit,
                save=save, resume=resume, **training,
            )  # fmt: skip
        check_groups(by=by, share=share, save=save, resume=resume, cluster=cluster, sigma_x=sigma_x)
        if by is not None:
            from cgcli.fitting.groups.grouped import fit_by

            return fit_by(
                self, data, by, share=share, target=target, start=start, fix=fix, wrt=wrt, bounds=bounds, sigma=sigma,
                absolute_sigma=absolute_sigma, loss=loss, loss_scale=loss_scale, starts=starts, columns=columns,
                missing=missing, limit=limit, most=most, seed=1 if seed is None else seed,
            )  # fmt: skip
        from cgcli.fitting.fit import fit

        return fit(
            self, data, target=target, start=start, fix=fix, wrt=wrt, bounds=bounds, sigma=sigma,
            absolute_sigma=absolute_sigma, loss=loss, loss_scale=loss_scale, starts=starts, columns=columns,
            missing=missing, limit=limit, most=most, seed=1 if seed is None else seed, save=save,
            resume=resume, sigma_x=sigma_x, cluster=cluster,
        )  # fmt: skip

    def grad_sum(
        self, data: Any = None, /, *, wrt: Sequence[str] | None = None, of: str | None = None, mean: bool = False,
        engine: str = "auto", batched: bool = True, cluster: str | Executor | None = None, **shared: Any,
    ) -> tuple[float, dict[str, Any]]:  # fmt: skip
        """The sum over the rows of a scalar output, and its gradient by what is the same in all rows.

        data: a mapping of columns (arrays whose first axis counts the rows) and of values that all rows share, or a
        table: a path, a DataFrame, an Arrow table; then the others are keyword arguments. Returns the sum and {name:
        number or array of the input's shape}. wrt: all inputs that are no columns by default. of: the output, where
        there are several. mean: divided by the number of rows. Rows with a gap are left out, with a GapWarning.
        batched: as for `eval_rows`. cluster: of files, on the workers of Dask: `local:2`, `tcp://scheduler:8786`, or
        one that stays open for many calls (`cg.Cluster`); the same bits for any number of workers, and as without any.
        """
        if cluster is not None:
            from cgcli.cluster.sums import grad_sum as on_cluster

            return on_cluster(self, data, shared, cluster, wrt=wrt, of=of, mean=mean, engine=engine)
        if self.programs.names.terms:
            from cgcli.terms import answers

            answers.check_engine(engine)
            return answers.summed(self, data, shared, wrt=wrt, of=of, mean=mean, batched=batched)
        from cgcli.rows.sums import grad_sum

        return grad_sum(self, data, shared, wrt=wrt, of=of, mean=mean, engine=engine)
