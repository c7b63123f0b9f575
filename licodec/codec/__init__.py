"""The stages joined: pictures to bytes and back."""
