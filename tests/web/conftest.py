"""What every test in a browser takes for granted."""

from playwright.sync_api import expect

# Pages are waited for, not slept for; a loaded machine takes its time.
expect.set_options(timeout=20_000)
