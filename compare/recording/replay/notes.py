"""What of a program holds for this run only, by line and in words."""

from __future__ import annotations

from compare.ops import OPS, Op
from compare.program import Program
from compare.recording.events import Looked, Stepped
from compare.recording.events import Site as Place
from compare.recording.optimizers import optax_equivalent
from compare.recording.replay.places import Sites
from compare.results import Specialised
from compare.statements import Apply, Read, used

__all__ = ["Notes"]

RANDOM = (
    "random numbers are recorded as data; in JAX draw them: `jax.random.normal(key, shape)` with "
    "`key = jax.random.key(seed)`"
)
DROPOUT = (
    "the mask is recorded as data; in JAX draw it: `jax.random.bernoulli(key, 1 - p, x.shape) / (1 - p)` with "
    "`key = jax.random.key(seed)`"
)
SIGNS = (
    "eigenvectors and singular vectors are determined up to a sign (a phase, if complex) that each library chooses, "
    "perhaps another one for another matrix or on another machine; use what no choice changes, such as abs(v)"
)


class Notes:
    """One note for a line and what is specialised there; the first that says why stands."""

    def __init__(self, sites: Sites) -> None:
        self.sites = sites
        self._found: dict[tuple[int, str], Specialised] = {}
        self._branches: dict[tuple[int, str], list[bool]] = {}

    def by_line(self) -> list[Specialised]:
        """All of them."""
        return sorted(self._found.values(), key=lambda one: one.line)

    def note(self, place: Place, what: str, why: str) -> None:
        """Note what is specialised at a place."""
        line = self.sites.line(place)
        self._found.setdefault((line, what), Specialised(line, what, why))

    def drew(self, place: Place) -> None:
        """Random numbers were drawn."""
        self.note(place, "random", RANDOM)

    def dropped(self, place: Place) -> None:
        """A mask of dropout was drawn."""
        self.note(place, "dropout", DROPOUT)

    def cautioned(self, place: Place, op: Op, *, spelled_out: bool) -> None:
        """JAX's own function was taken; say where it is wrong. spelled_out: there is a composite that is not."""
        if op.caution:
            remedy = "; --torch-conventions prints what is right everywhere" if spelled_out else ""
            self.note(place, op.name, f"JAX's own function is printed: {op.caution}{remedy}")

    def chosen(self, program: Program) -> None:
        """Say where a program goes on with vectors of either sign: another machine may choose the other one."""
        names = {
            name for statement in program.statements if not isinstance(statement, Read) for name in used(statement)
        }
        for one in program.statements:
            if isinstance(one, Apply) and OPS[one.op].ambiguous and one.target in names:
                self._found.setdefault((one.line, "signs"), Specialised(one.line, "signs", SIGNS))

    def looked(self, event: Looked) -> None:
        """Python took numbers out of a tensor, or asked where they are."""
        if event.word in ("storage", "untyped_storage", "data_ptr"):
            why = "JAX arrays have no storage that a program could speak of: each is a value of its own"
        elif event.word in ("numpy", "__array__", "__dlpack__"):
            why = "NumPy reads this memory: what it computes is not part of the program, and enters as data"
        elif event.word in ("__bool__", "is_nonzero"):
            self._branched(event)
            return
        else:
            why = "Python took a number out of a tensor: what depends on it is specialised to this run"
        if event.site:
            self.note(event.site, event.word, why)

    def stepped(self, event: Stepped) -> None:
        """An optimizer took a step: what it is in optax."""
        what, line = f"torch.optim.{event.kind}", self.sites.line(event.site)
        why = f"its update lines are, in optax, {optax_equivalent(event.kind, event.groups)}"
        known = self._found.get((line, what))
        if known is not None and not known.why.startswith(why):
            first = known.why.partition("; its settings")[0]
            why = f"{first}; its settings change from step to step, which in optax a schedule does"
            self._found[line, what] = Specialised(line, what, why)
        self.note(event.site, what, why)

    def _branched(self, event: Looked) -> None:
        """One note for a line, with all that was true of it in turn."""
        if not event.site:
            return
        key = (self.sites.line(event.site), "__bool__")
        taken = self._branches.setdefault(key, [])
        if event.result not in taken:
            taken.append(event.result)
        was = " and ".join(map(str, taken))
        only = "this branch is" if len(taken) == 1 else "the branches taken are"
        why = f"Python branched on a tensor, which was {was} in this run: only {only} translated"
        self._found[key] = Specialised(*key, why)
