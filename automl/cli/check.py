"""Stand-in."""
import click
@click.command("check")
def command() -> None:
    """Check."""
