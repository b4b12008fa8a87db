"""The kinds as docs/api.md lists them, between its two markers."""

BEGIN = '<!-- made by tools/apigen from api/; `make docs` writes it anew -->'
END = '<!-- end of what is made -->'
ALL_VERBS = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch']


def row(kind):
    attrs = kind.attrs
    plural = attrs['resource'][0]
    short = attrs.get('short', [])
    verbs = ['create'] if 'virtual' in attrs else attrs.get('verbs') or ALL_VERBS
    name = plural + (f' ({", ".join(short)})' if short else '')
    return [kind.name, name, 'namespaced' if 'namespaced' in attrs['resource'] else 'cluster',
            'all' if sorted(verbs) == ALL_VERBS else ', '.join(sorted(verbs)),
            ', '.join(attrs.get('subresources', [])), ', '.join(f'`{p}`' for p in attrs.get('select', []))]


def table(head, rows):
    widths = [max(len(r[i]) for r in [head, *rows]) for i in range(len(head) - 1)] + [0]  # the last is long
    line = lambda cells: '| ' + ' | '.join(c.ljust(w) for c, w in zip(cells, widths)) + ' |'
    return [line(head), '|' + '|'.join('-' * (w + 2) for w in widths[:-1]) + '|---|', *map(line, rows)]


def kinds(model, order):
    out = []
    for api_id in order:
        api = model.apis[api_id]
        of = [t for t in api.types.values() if t.attrs.get('resource')]
        if not of:
            continue
        out += ['', f'### {api.api_version}', '']
        out += table(['kind', 'resource', 'scope', 'verbs', 'subresources', 'field selectors'],
                     [row(t) for t in sorted(of, key=lambda t: t.attrs['resource'][0])])
    return out


def page(text, model, order):
    """The page with its list made anew."""
    before, rest = text.split(BEGIN)
    after = rest.split(END)[1]
    return before + BEGIN + '\n' + '\n'.join(kinds(model, order)).lstrip('\n') + '\n\n' + END + after
