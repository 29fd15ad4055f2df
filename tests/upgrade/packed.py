"""packed.py - a folder as one readable text, and back, with its modes."""
import base64
import re

HEAD = re.compile(rb"=== (\S+) ([0-7]{3})(?: (\d+)( base64)?)?\n")


def pack(folder):
    """Folders and files in the order of their names.  A file's bytes follow
    its line as they are, and one line feed more; what is not UTF-8 is base64.
    """
    out = []
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        mode = path.stat().st_mode & 0o777
        if path.is_dir():
            out.append(f"=== {name}/ {mode:o}\n".encode())
        else:
            data = path.read_bytes()
            how = "" if is_text(data) else " base64"
            if how:
                data = base64.encodebytes(data)
            out.append(f"=== {name} {mode:o} {len(data)}{how}\n".encode()
                       + data + b"\n")
    return b"".join(out)


def is_text(data):
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def unpack(data, folder):
    at = 0
    while at < len(data):
        head = HEAD.match(data, at)
        if not head:
            raise ValueError(f"byte {at}: {data[at:at + 60]!r} is no head")
        name, mode, size, base = head.groups()
        path = folder / name.decode()
        at = head.end()
        if size is None:
            path.mkdir()
        else:
            inside = data[at:at + int(size)]
            path.write_bytes(base64.decodebytes(inside) if base else inside)
            at += int(size) + 1
        path.chmod(int(mode, 8))
