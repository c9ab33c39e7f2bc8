"""What configuration leaves open is a Choice; the chooser answers it and keeps what it answered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction

from attrs import define, field, frozen

from .errors import InputError
from .facts.residues import Residues
from .place import Place
from .reasons import Reason


@frozen
class Choice:
    """A site where the course is open."""

    site: str
    """HOP/STAGE[/NAME], as users pin it."""
    what: Reason
    """What is open; becomes an assumption where the shares are unknown and nobody pinned the site."""
    options: tuple[str, ...]
    shares: tuple[Fraction | None, ...]
    """Conditional on the choices before it; None: configuration cannot say."""
    place: Place | None = None
    default: int | None = None
    """The harmless course where shares are unknown; None: the likeliest."""


@frozen
class Taken:
    """A choice and the option that was taken."""

    choice: Choice
    index: int

    @property
    def option(self) -> str:
        return self.choice.options[self.index]

    @property
    def share(self) -> Fraction | None:
        return self.choice.shares[self.index]


@define(eq=False)
class Chooser:
    """Answers choices for one trace: pins first, then the likeliest option. Collects choices and assumptions."""

    pins: Mapping[str, str] = field(factory=dict)
    random_value: int | None = None
    taken: list[Taken] = field(factory=list)
    assumptions: list[Reason] = field(factory=list)

    def pick(self, choice: Choice) -> int:
        """The index of the option this trace takes."""
        pin = self.pins.get(choice.site)
        if pin is not None:
            index = _pinned(choice, pin)
        else:
            index = _likeliest(choice)
            if choice.shares[index] is None:
                self.assume(choice.what)
        self.taken.append(Taken(choice, index))
        return index

    def pick_residue(
        self, choice: Choice, residues: Residues, modulus: int, bounds: Sequence[tuple[int, int]]
    ) -> tuple[int, Residues]:
        """Pick among options that are intervals of `R % modulus`; returns (index, what is then known of R)."""
        shares = tuple(residues.share(modulus, start, stop) for start, stop in bounds)
        choice = Choice(choice.site, choice.what, choice.options, shares, choice.place, choice.default)
        if self.random_value is not None:
            value = self.random_value % modulus
            index = next(i for i, (start, stop) in enumerate(bounds) if start <= value < stop)
            pin = self.pins.get(choice.site)
            if pin is not None and _pinned(choice, pin) != index:
                raise InputError(
                    "pick-contradicts-random-value",
                    f"--pick {choice.site}={pin} contradicts the random value {self.random_value}, "
                    f"which takes {choice.options[index]!r}",
                    hint="give only one of the two",
                )
            self.taken.append(Taken(choice, index))
        else:
            index = self.pick(choice)
        start, stop = bounds[index]
        return index, residues.narrowed(modulus, start, stop)

    def assume(self, assumption: Reason) -> None:
        if assumption not in self.assumptions:
            self.assumptions.append(assumption)

    @property
    def probability(self) -> Fraction | None:
        """The product of the shares taken; None when one of them is not known."""
        product = Fraction(1)
        for taken in self.taken:
            if taken.share is None:
                return None
            product *= taken.share
        return product


def _pinned(choice: Choice, pin: str) -> int:
    try:
        return choice.options.index(pin)
    except ValueError:
        raise InputError(
            "pick-unknown-option",
            f"site {choice.site} has no option {pin!r}",
            place=choice.place,
            hint="options: " + ", ".join(choice.options),
        ) from None


def _likeliest(choice: Choice) -> int:
    if choice.default is not None:
        return choice.default
    return max(range(len(choice.options)), key=lambda index: choice.shares[index] or Fraction(-1))
