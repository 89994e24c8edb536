"""Properties: rendering and reading are each other's inverse, and no text does worse than be refused."""

import random

from hypothesis import given
from hypothesis import strategies as st

from doorman.config.errors import ConfigErrors
from doorman.config.model import Config
from doorman.config.reader import read_config
from doorman.config.render import render
from kit.configurations import configs


@given(configs())
def test_what_is_rendered_reads_to_the_same(config: Config) -> None:
    text = render(config)
    again = read_config(text, "rendered")
    assert again == config
    assert render(again) == text


def test_a_default_configuration_renders_to_nothing_but_its_end() -> None:
    assert render(Config()) == "!\nend\n"


@given(configs(), st.randoms(use_true_random=False))
def test_equal_configurations_render_alike(config: Config, chance: random.Random) -> None:
    shuffled = list(config.interfaces.items())
    chance.shuffle(shuffled)
    text = render(config)
    config.interfaces = dict(shuffled)
    assert render(config) == text


@given(configs(), st.randoms(use_true_random=False))
def test_a_damaged_configuration_is_read_or_refused(config: Config, chance: random.Random) -> None:
    characters = list(render(config))
    for _ in range(chance.randrange(1, 6)):
        place = chance.randrange(len(characters))
        characters[place : place + chance.randrange(3)] = chance.choice(
            ["", " ", "\n", "0", "no ", "?", "\x1b", "\u0663"]
        )
    read_or_refused("".join(characters))


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(text: str) -> None:
    read_or_refused(text)


def read_or_refused(text: str) -> None:
    try:
        config = read_config(text, "damaged")
    except ConfigErrors as errors:
        shown = str(errors)
    else:
        assert read_config(render(config), "rendered") == config
        return
    assert shown.isascii()
    assert shown.replace("\n", "").isprintable()
