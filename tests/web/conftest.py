"""What every test in a browser takes for granted: pages are waited for, not slept for."""

from tests.support.loaded import look_at_loaded_pages

look_at_loaded_pages()
