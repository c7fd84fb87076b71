"""A text in a place of its own size is painted without laying out the screen."""

from __future__ import annotations

from textual.app import App, ComposeResult
from textual.content import Content
from textual.screen import Screen

from qtui.widgets.caption import Caption


class Host(App[None]):
    """Shows one."""

    CSS = "#text { height: 1; }"

    def compose(self) -> ComposeResult:
        yield Caption("first", id="text")


async def test_another_text_is_shown_without_laying_out_the_screen() -> None:
    app = Host()
    async with app.run_test(size=(30, 4)) as pilot:
        await pilot.pause()
        laid_out: list[Screen[object]] = []
        app.screen.screen_layout_refresh_signal.subscribe(app.screen, laid_out.append)
        caption = app.query_one(Caption)

        async def painted(text: str | Content) -> tuple[str, str]:
            caption.say(text)
            await pilot.pause()
            line = caption.render_line(0)
            return line.text.rstrip(), str([segment.style for segment in line])

        assert (await painted("[b]second[/b]"))[0] == "[b]second[/b]"  # no markup
        red, blue = await painted(Content.styled("x", "red")), await painted(Content.styled("x", "blue"))
        assert (red[0], blue[0]) == ("x", "x")
        assert red[1] != blue[1]
        assert (await painted(""))[0] == ""
        assert laid_out == []
        caption.update("another", layout=True)
        await pilot.pause()
        assert laid_out  # so the signal would have told
