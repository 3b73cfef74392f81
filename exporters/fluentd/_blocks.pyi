CONTRACT: int

def encode(
    log_format: int,
    data: bytes | bytearray,
    begin: int,
    end: int,
    room: int,
    head: bytes,
    stdout: bytes,
    stderr: bytes,
    /,
) -> tuple[bytes, int, int]: ...
