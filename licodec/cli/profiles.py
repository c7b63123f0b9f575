"""`licodec profiles`: the installed weights go in, tables come out."""

import json
from dataclasses import asdict

import click

from licodec.cli.options import debug_option
from licodec.config import DEFAULT_PROFILE
from licodec.errors import ModelError

JSON_SCHEMA = 1


@click.command(epilog="Example: licodec profiles")
@click.option("--json", "is_json", is_flag=True, help="Print one JSON object per profile.")
@debug_option
def command(is_json: bool) -> None:
    """List the installed profiles with size, complexity and typical results.

    Complexity is thousands of multiply-accumulates per pixel to decode: that of
    the profile's own network, and that of the prior which all profiles share.
    Rates and PSNR are means over the validation pictures, from real files.
    """
    from licodec.profiles import list_profiles

    profiles = list_profiles()
    if not profiles:
        raise ModelError("no profile is installed; reinstall licodec")
    if is_json:
        for profile in profiles:
            plain = {
                key: value.hex() if isinstance(value, bytes) else value
                for key, value in asdict(profile).items()
                if not key.endswith("_path")
            }
            click.echo(json.dumps({"schema": JSON_SCHEMA} | plain))
        return
    click.echo(f"{'profile':<12}{'family':<10}{'weights':>9}  {'kMAC/px':<18}fingerprints")
    for profile in profiles:
        synthesis, prior = profile.kmac_per_px
        click.echo(
            f"{profile.name:<12}{profile.family:<10}{profile.file_bytes / 1e6:>6.1f} MB  "
            f"{f'{synthesis:.1f} + {prior:.1f}':<18}"
            f"{profile.family_fingerprint.hex()} {profile.synthesis_fingerprint.hex()}"
            f"{' (default)' if profile.name == DEFAULT_PROFILE else ''}"
        )
    for profile in profiles:
        click.echo(f"\n{profile.name}\n{'quality':>9}{'bpp':>9}{'PSNR dB':>9}")
        for quality, bpp, psnr_db in profile.rd:
            click.echo(f"{quality:>9g}{bpp:>9.3f}{psnr_db:>9.2f}")
