"""An independent reading of the `.bertw` profile, to check files against.

It shares no code with the converter and knows the profile from its
specification alone; it needs the packages safetensors and numpy.
"""


class Violation(Exception):
    """A rule of the profile that a file breaks: its number and what was found."""

    def __init__(self, rule: int, text: str) -> None:
        super().__init__(f"rule {rule}: {text}")
