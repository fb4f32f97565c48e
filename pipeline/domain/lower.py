"""Lower case in which places stay true."""


def lowered(text: str) -> str:
    """Answer ``text`` in lower case, of the same length."""
    lower = text.lower()
    return lower if len(lower) == len(text) else text.replace("İ", "I").lower()  # of all characters only İ grows
