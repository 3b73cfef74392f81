def encode(
    log_format: int,
    data: bytes,
    begin: int,
    end: int,
    most: int,
    head: bytes,
    stdout: bytes,
    stderr: bytes,
    /,
) -> tuple[bytes, int, int]: ...
