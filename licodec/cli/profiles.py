"""`licodec profiles`: the installed weights go in, tables come out."""

import json
from dataclasses import asdict

import click

from licodec.cli.options import debug_option
from licodec.config import DEFAULT_PROFILE, DEFAULT_TUNE, TUNE_FAMILIES
from licodec.errors import ModelError

JSON_SCHEMA = 1

_PURPOSES = {
    "visual": "made for how people see pictures",
    "psnr": "made for the least squared error",
}


@click.command(epilog="Example: licodec profiles")
@click.option("--json", "is_json", is_flag=True, help="Print one JSON object per profile.")
@debug_option
def command(is_json: bool) -> None:
    """List the installed profiles with size, complexity and typical results.

    Each tune has profiles of its own; files of all are decoded alike.

    Complexity is thousands of multiply-accumulates per pixel to decode: that of
    the profile's own network, and that of the prior which all profiles share.
    Rates and PSNR are means over the validation pictures, from real files.
    """
    from licodec.profiles import list_profiles

    profiles = [(tune, p) for tune, family in TUNE_FAMILIES.items() for p in list_profiles(family)]
    if not profiles:
        raise ModelError("no profile is installed; reinstall licodec")
    if is_json:
        for tune, profile in profiles:
            plain = {
                key: value.hex() if isinstance(value, bytes) else value
                for key, value in asdict(profile).items()
                if not key.endswith("_path")
            }
            click.echo(json.dumps({"schema": JSON_SCHEMA, "tune": tune} | plain))
        return
    for tune in dict.fromkeys(tune for tune, _ in profiles):
        click.echo(f"tune {tune:<8}{_PURPOSES[tune]}{' (default)' if tune == DEFAULT_TUNE else ''}")
    click.echo(
        f"\n{'profile':<12}{'tune':<8}{'family':<10}{'weights':>9}  {'kMAC/px':<18}fingerprints"
    )
    for tune, profile in profiles:
        synthesis, prior = profile.kmac_per_px
        is_default = (profile.name, tune) == (DEFAULT_PROFILE, DEFAULT_TUNE)
        click.echo(
            f"{profile.name:<12}{tune:<8}{profile.family:<10}{profile.file_bytes / 1e6:>6.1f} MB  "
            f"{f'{synthesis:.1f} + {prior:.1f}':<18}"
            f"{profile.family_fingerprint.hex()} {profile.synthesis_fingerprint.hex()}"
            f"{' (default)' if is_default else ''}"
        )
    for tune, profile in profiles:
        click.echo(f"\n{profile.name}, tune {tune}\n{'quality':>9}{'bpp':>9}{'PSNR dB':>9}")
        for quality, bpp, psnr_db in profile.rd:
            click.echo(f"{quality:>9g}{bpp:>9.3f}{psnr_db:>9.2f}")
