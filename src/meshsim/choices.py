"""What configuration leaves open is a Choice; the chooser answers it and keeps what it answered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from itertools import count

from attrs import define, evolve, field, frozen

from .errors import InputError
from .facts.answer import Answer
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

    @property
    def likeliest(self) -> int:
        """The option taken where nothing says otherwise."""
        if self.default is not None:
            return self.default
        return max(range(len(self.options)), key=lambda index: self.shares[index] or Fraction(-1))

    @property
    def labels(self) -> tuple[str, ...]:
        """The options as users pin them: one that stands there twice is `name#2` the second time."""
        if len(set(self.options)) == len(self.options):
            return self.options
        made: dict[str, None] = {}
        for option in self.options:
            label, times = option, 1
            while label in made:
                times += 1
                label = f"{option}#{times}"
            made[label] = None
        return tuple(made)


@frozen
class Taken:
    """A choice and the option that was taken."""

    choice: Choice
    index: int
    settled: bool = False
    """A pin or the random value took it: no other course is asked for here."""
    assumed: bool = False
    """The harmless course was taken for want of anything better."""

    @property
    def option(self) -> str:
        return self.choice.labels[self.index]

    @property
    def share(self) -> Fraction | None:
        return self.choice.shares[self.index]


@define(eq=False)
class Chooser:
    """Answers choices for one trace: pins first, then the script, then the likeliest. Collects what it answered."""

    pins: Mapping[str, str] = field(factory=dict)
    random_value: int | None = None
    answers: Mapping[str, Answer] = field(factory=dict)
    """Site -> what whoever decides there answers."""
    script: Sequence[int] = ()
    """The options of the first choices, by which `branches` steers a walk."""
    taken: list[Taken] = field(factory=list)
    assumptions: list[Reason] = field(factory=list)

    def pick(self, choice: Choice) -> int:
        """The index of the option this trace takes."""
        choice = self._unanswered(self._as_asked(choice))
        pin = self.pins.get(choice.site)
        if pin is not None:
            index = _pinned(choice, pin)
            if choice.shares[index] == 0:
                raise InputError(
                    "pick-impossible",
                    f"--pick {choice.site}={pin} can never happen after the choices before it",
                    place=choice.place,
                    hint="one random value decides a stream's fractions and weights; drop one of the picks",
                )
        else:
            index = self._unpinned(choice)
        assumed = pin is None and choice.shares[index] is None and index == choice.likeliest
        if assumed:
            self.assume(choice.what)
        self.taken.append(Taken(choice, index, pin is not None, assumed))
        return index

    def answer(self, choice: Choice) -> Answer | None:
        """What the call states that the one who decides here answers."""
        return self.answers.get(self._as_asked(choice).site)

    def pick_answered(self, choice: Choice, index: int) -> int:
        """Take the option that a stated answer comes to."""
        choice = self._as_asked(choice)
        pin = self.pins.get(choice.site)
        if pin is not None and _pinned(choice, pin) != index:
            raise InputError(
                "pick-contradicts-answer",
                f"--pick {choice.site}={pin} contradicts the answer stated there, which takes {choice.labels[index]!r}",
                place=choice.place,
                hint="give only one of the two",
            )
        self.taken.append(Taken(choice, index, settled=True))
        return index

    def _unanswered(self, choice: Choice) -> Choice:
        """InputError where an answer is stated for what nobody beyond the proxy decides."""
        if choice.site in self.answers:
            raise InputError(
                "answer-to-no-question",
                f"--answer {choice.site}: a stated answer has no meaning there",
                place=choice.place,
                hint="--pick takes one of its options: " + ", ".join(choice.labels),
            )
        return choice

    def _unpinned(self, choice: Choice) -> int:
        asked = len(self.taken)
        return self.script[asked] if asked < len(self.script) else choice.likeliest

    def _as_asked(self, choice: Choice) -> Choice:
        """A site that is asked again (a retry picks anew) is a site of its own: `0/endpoint/2`."""
        sites = {taken.choice.site for taken in self.taken}
        if choice.site not in sites:
            return choice
        site = next(site for times in count(2) if (site := f"{choice.site}/{times}") not in sites)
        return evolve(choice, site=site)

    def pick_residue(
        self, choice: Choice, residues: Residues, modulus: int, bounds: Sequence[tuple[int, int]]
    ) -> tuple[int, Residues]:
        """Pick among options that are intervals of `R % modulus`; returns (index, what is then known of R)."""
        shares = tuple(residues.share(modulus, start, stop) for start, stop in bounds)
        choice = Choice(choice.site, choice.what, choice.options, shares, choice.place, choice.default)
        if self.random_value is not None:
            choice = self._unanswered(self._as_asked(choice))
            value = self.random_value % modulus
            index = next(i for i, (start, stop) in enumerate(bounds) if start <= value < stop)
            pin = self.pins.get(choice.site)
            if pin is not None and _pinned(choice, pin) != index:
                raise InputError(
                    "pick-contradicts-random-value",
                    f"--pick {choice.site}={pin} contradicts the random value {self.random_value}, "
                    f"which takes {choice.labels[index]!r}",
                    hint="give only one of the two",
                )
            self.taken.append(Taken(choice, index, settled=True))
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
        return choice.labels.index(pin)
    except ValueError:
        raise InputError(
            "pick-unknown-option",
            f"site {choice.site} has no option {pin!r}",
            place=choice.place,
            hint="options: " + ", ".join(choice.labels),
        ) from None
