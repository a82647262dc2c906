#!/usr/bin/env python3
"""Checks the Markdown pages of the repository, without network:

- each relative link leads to a file of the repository, each anchor to a heading of its page;
- sentences of README.md and docs/ have at most 25 words, with a small budget for those up to 32.

Code, tables and HTML comments are not prose. Generated reference pages are checked for links only: their
sentences are the doc comments of the code.

    pages.py [FOLDER]      checks the repository, or another folder
    pages.py --long        lists the sentences that use the budget
"""

import pathlib
import re
import subprocess
import sys

WORDS = 25  # of a sentence
MOST_WORDS = 32  # of one that uses the budget
BUDGET = 12  # sentences above WORDS, in all pages together
GENERATED = "docs/reference/"

FENCE = re.compile(r"^ *(`{3,}|~{3,})")
LINK = re.compile(r"\[(?:[^\[\]]|\[[^\]]*\])*\]\(\s*<?([^)>\s]+)>?(?:\s+\"[^\"]*\")?\s*\)")
REFERENCE = re.compile(r"^\[[^\]^]+\]:\s*(\S+)")
HEADING = re.compile(r"^(#{1,6})\s+(.*?)\s*#*\s*$")
ANCHOR = re.compile(r"<a\s+(?:id|name)=\"([^\"]+)\"")
CODE = re.compile(r"(`+)(.+?)\1")
SENTENCE_END = re.compile(r"(?<=[.!?:])[\"')*_]*\s+(?=[\"'(*_`\[]*[A-Z0-9`\[])")
ABBREVIATION = re.compile(r"\b(?:e\.g|i\.e|cf|vs|etc|No|F|M|J|A)\.$")


def pages(root):
    """The Markdown files that belong to the repository."""
    try:
        command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"]
        listed = subprocess.run(command, cwd=root, check=True, capture_output=True, text=True).stdout.split("\n")
    except (OSError, subprocess.CalledProcessError):
        listed = [str(path.relative_to(root)) for path in root.rglob("*.md")]
    return sorted(name for name in set(listed) if name and (root / name).is_file())


def without_code(text):
    """Lines with their numbers; what is in fences and comments is empty."""
    lines, fence, comment = [], None, False
    for number, line in enumerate(text.split("\n"), 1):
        mark = FENCE.match(line)
        if fence:
            if mark and mark[1].startswith(fence) and line.strip() == mark[1]:
                fence = None
            line = ""
        elif mark:
            fence, line = mark[1], ""
        elif comment or line.lstrip().startswith("<!--"):
            comment = "-->" not in line
            line = ""
        lines.append((number, line))
    return lines


def slug(heading, taken):
    """The anchor that a heading gets, as GitHub makes it."""
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "")
    text = re.sub(r"[^\w\- ]", "", text.strip().lower()).replace(" ", "-")
    count = taken.get(text, 0)
    taken[text] = count + 1
    return f"{text}-{count}" if count else text


def anchors(path):
    taken, found = {}, set()
    for _, line in without_code(path.read_text()):
        if heading := HEADING.match(line):
            found.add(slug(heading[2], taken))
        found.update(ANCHOR.findall(line))
    return found


def wrong_links(root, name, known):
    page = root / name
    for number, line in without_code(page.read_text()):
        plain = CODE.sub(lambda code: "`" * len(code[0]), line)
        targets = [link[1] for link in LINK.finditer(plain)]
        targets += [found[1] for found in [REFERENCE.match(plain)] if found]
        for target in targets:
            if re.match(r"[a-z][a-z+.-]*:", target):
                continue
            path, _, anchor = target.partition("#")
            found = (page.parent / path).resolve() if path else page.resolve()
            if root.resolve() not in [found, *found.parents] or not found.exists():
                yield f"{name}:{number}: {target} leads nowhere"
            elif anchor and found.suffix == ".md":
                if found not in known:
                    known[found] = anchors(found)
                if anchor not in known[found]:
                    yield f"{name}:{number}: {path or name} has no heading for #{anchor}"


def blocks(text):
    """Paragraphs, list items and quotes as (line, text)."""
    start, parts = 0, []
    for number, line in without_code(text) + [(0, "")]:
        stripped = line.strip().lstrip("> ")
        is_item = re.match(r"(?:[-*+]|\d+[.)])\s+", stripped)
        is_prose = stripped and not stripped.startswith(("#", "|", "<", "---"))
        if parts and (is_item or not is_prose):
            yield start, " ".join(parts)
            parts = []
        if is_prose:
            start = start if parts else number
            parts.append(re.sub(r"^(?:[-*+]|\d+[.)])\s+", "", stripped))


def sentences(text):
    for start, block in blocks(text):
        # A piece of code is one word, whatever is in it.
        block = CODE.sub("`code`", block)
        block = re.sub(r"!?\[((?:[^\[\]])*)\]\([^)]*\)", r"\1", block)
        part = ""
        for piece in SENTENCE_END.split(block):
            part = f"{part} {piece}".strip()
            if not ABBREVIATION.search(part):
                yield start, part
                part = ""
        if part:
            yield start, part


def main():
    options = [word for word in sys.argv[1:] if word.startswith("-")]
    folders = [word for word in sys.argv[1:] if not word.startswith("-")]
    root = pathlib.Path(folders[0] if folders else pathlib.Path(__file__).parents[2])
    known, wrong, long = {}, [], []
    for name in pages(root):
        wrong += wrong_links(root, name, known)
        if name != "README.md" and (not name.startswith("docs/") or name.startswith(GENERATED)):
            continue
        for number, sentence in sentences((root / name).read_text()):
            words = len([word for word in sentence.split() if re.search(r"\w", word)])
            if words > MOST_WORDS:
                wrong.append(f"{name}:{number}: a sentence of {words} words, at most {WORDS} are right: {sentence}")
            elif words > WORDS:
                long.append(f"{name}:{number}: {words} words: {sentence}")
    if "--long" in options:
        print("\n".join(long))
    if len(long) > BUDGET:
        wrong += long
        wrong.append(f"{len(long)} sentences have more than {WORDS} words; {BUDGET} may: shorten some of them")
    print("\n".join(wrong), file=sys.stderr, end="\n" if wrong else "")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
