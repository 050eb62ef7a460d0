"""Prompts that no cache has seen: seeded sentences of common words, about 1.09 tokens a word."""
import random

WORDS = """time year people way day man thing woman life child world school state family student group country problem hand
part place case week company system program question work government number night point home water room mother area money
story fact month lot right study book eye job word business issue side kind head house service friend father power hour
game line end member law car city community name president team minute idea body information back parent face others level
office door health person art war history party result change morning reason research girl guy moment air teacher force
education foot boy age policy music light river garden winter summer bread paper window bridge market doctor letter ship
good new first last long great little own other old big high different small large next early young important few public
bad same able open cold warm quiet bright deep green heavy simple strong whole free full easy clear recent certain
runs takes makes finds gives keeps shows brings writes builds holds leaves opens turns moves follows calls asks needs
about after before under over between through against during without within along across behind near with from into""".split()


def sentence(rng: random.Random, words: int) -> str:
    return " ".join(rng.choice(WORDS) for _ in range(words)).capitalize() + "."


def paragraph(rng: random.Random, words: int) -> str:
    sentences = []
    while words > 0:
        size = min(words, rng.randint(8, 16))
        sentences.append(sentence(rng, size))
        words -= size
    return " ".join(sentences)


def question(rng: random.Random) -> str:
    """A short chat message that asks for a long answer."""
    return f"Tell me a long story in many parts about: {sentence(rng, 10)}"
