#!/usr/bin/env python3
"""shells.py COMMAND: the completions that are committed are those that the
command's tables give, and zsh and fish offer what they should, asked in a real
shell each."""
import os
import pathlib
import pty
import select
import shutil
import subprocess
import sys
import tempfile
import time

COMMAND = pathlib.Path(sys.argv[1]).resolve()
FOLDER = pathlib.Path("deploy/completion").resolve()
passed = failed = 0


def ok(sentence, got, want):
    global passed, failed
    if got == want:
        passed += 1
        print("ok -", sentence)
    else:
        failed += 1
        print(f"not ok - {sentence}\n#   got:  {got}\n#   want: {want}")


def stand_in(folder):
    """A shop's orders, and how the command was called for them."""
    path = folder / "h5pay"
    path.write_text(f"""#!/bin/sh
echo "$*" >{folder}/called
printf 'A-1001\\tpaid\\t100\\nA-1002\\tclosed\\t5\\nB-2001\\tpaid\\t7\\n'
""")
    path.chmod(0o755)
    return {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}",
            "HOME": str(folder), "TERM": "dumb", "LC_ALL": "C.UTF-8",
            "XDG_CONFIG_HOME": str(folder), "XDG_DATA_HOME": str(folder)}


def ask_fish(line, folder, env):
    out = subprocess.run(
        ["fish", "--no-config", "-c",
         f"source {FOLDER}/h5pay.fish; complete -C \"$argv[1]\"", line],
        env=env, capture_output=True, text=True, timeout=120, check=True)
    return sorted({x.split("\t")[0] for x in out.stdout.splitlines()})


RC = """
PROMPT='' RPROMPT=''
unsetopt beep zle_bracketed_paste
zstyle ':completion:*' verbose no
fpath=({folder} $fpath)
autoload -Uz compinit && compinit -D -u
compdef _h5pay h5pay
bindkey '^I' complete-word
compadd() {{
	local -a hits
	if [[ ${{@[1,(i)(-|--)]}} == *-(O|A|D)\\ * ]]; then
		builtin compadd "$@"
		return
	fi
	builtin compadd -O hits "$@"
	print -rl -- $hits >>{work}/hits
	builtin compadd "$@"
}}
finished() {{ print END >>{work}/hits }}
before() {{ comppostfuncs=(finished) }}
compprefuncs=(before)
print READY >{work}/hits
"""


def ask_zsh(line, folder, env):
    """What zsh offers for the line, the cursor at its end."""
    hits = folder / "hits"
    hits.unlink(missing_ok=True)
    (folder / "rc").write_text(RC.format(folder=FOLDER, work=folder))
    pid, master = pty.fork()
    if pid == 0:
        os.execvpe("zsh", ["zsh", "-f", "-i"], env)

    def until(mark):
        end = time.monotonic() + 120
        while time.monotonic() < end:
            if select.select([master], [], [], 0.02)[0]:
                os.read(master, 65536)
            if hits.exists() and mark in hits.read_text().splitlines():
                return
        raise SystemExit(f"zsh: no {mark} for {line!r}")

    try:
        os.write(master, f"source {folder}/rc\n".encode())
        until("READY")
        os.write(master, line.encode() + b"\t")
        until("END")
        return sorted({x.strip() for x in hits.read_text().splitlines()}
                      - {"READY", "END", ""})
    finally:
        os.kill(pid, 9)
        os.waitpid(pid, 0)
        os.close(master)


def common(shell, ask):
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        env = stand_in(folder)

        def offers(sentence, line, *want):
            ok(f"{shell}: {sentence}", ask(line, folder, env), sorted(want))

        offers("a part of a verb", "h5pay rec", "reconcile")
        offers("a verb behind -c", "h5pay -c x.conf fs", "fsck")
        offers("help of a verb", "h5pay help doc", "doctor")
        offers("an option", "h5pay refund --re", "--reason")
        offers("an option that all have", "h5pay show --js", "--json")
        offers("states", "h5pay list --state p", "paid", "partly-refunded")
        offers("orders", "h5pay show ", "A-1001", "A-1002", "B-2001")
        ok(f"{shell}: how they are asked for",
           (folder / "called").read_text(), "list --since 31d\n")
        offers("an order's beginning", "h5pay refund A-", "A-1001", "A-1002")
        offers("orders of another configuration", "h5pay -c a.conf show B",
               "B-2001")
        ok(f"{shell}: which it is", (folder / "called").read_text(),
           "-c a.conf list --since 31d\n")
        offers("what hook does", "h5pay hook r", "retry")
        offers("the order of sweep", "h5pay sweep --order B", "B-2001")
        offers("a format", "h5pay export --format c", "csv")


def main():
    with tempfile.TemporaryDirectory() as name:
        subprocess.run([sys.executable, FOLDER / "generate.py", COMMAND, name],
                       check=True)
        for path in sorted(pathlib.Path(name).iterdir()):
            ok(f"{path.name} is what make completion writes",
               (FOLDER / path.name).read_text() == path.read_text(), True)
    for shell, ask in (("fish", ask_fish), ("zsh", ask_zsh)):
        if shutil.which(shell):
            common(shell, ask)
        else:
            print(f"# {shell} is not here: its completion was not asked")
    print(f"completion: {passed} passed, {failed} failed")
    return 1 if failed or passed < 3 else 0


if __name__ == "__main__":
    sys.exit(main())
