"""How facts of the core look to people, the same in commands and dashboard: words, numbers, text in cells. Loads no Textual."""
